import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Finder } from '../../../../simulators/residue/finder.ts';

/** Every place of every needle, the slow way. */
function placesOf(content: Buffer, needles: readonly Uint8Array[]): string[] {
  return needles.flatMap((needle, index) => {
    const places: string[] = [];
    for (let at = content.indexOf(needle); at !== -1; at = content.indexOf(needle, at + 1)) {
      places.push(`${index} at ${at}`);
    }
    return places;
  });
}

const found = (content: Buffer, needles: readonly Uint8Array[]): string[] =>
  new Finder(needles).find(content).map(({ needle, at }) => `${needle} at ${at}`);

// Few different bytes: needles overlap, begin alike and are found by chance.
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.array(fc.integer({ min: 0, max: 2 }), { minLength, maxLength }).map((values) => Buffer.from(values));

describe('Finder', () => {
  it('finds exactly what one search a needle finds', () => {
    fc.assert(
      fc.property(
        bytes(0, 300),
        fc.array(bytes(1, 9), { minLength: 1, maxLength: 12 }),
        (content, needles) => {
          expect(found(content, needles).toSorted()).toEqual(placesOf(content, needles).toSorted());
        },
      ),
    );
  });

  it('finds a needle at the very beginning and at the very end', () => {
    const needle = Buffer.from('4242424242424242');
    const content = Buffer.concat([needle, Buffer.alloc(1000, 0x34), needle]);
    expect(found(content, [needle])).toEqual(['0 at 0', '0 at 1016']);
  });
});
