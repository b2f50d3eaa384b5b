import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Finder } from '../../../../simulators/residue/finder.ts';
import { needlesOf, textNeedlesOf, type Needle } from '../../../../simulators/residue/needles.ts';

const DIGITS = Array.from('4012001037141112', Number);

const found = (content: Uint8Array | string, needles: readonly Needle[]): string[] => {
  const finder = new Finder(needles.map(({ bytes }) => bytes));
  return finder.find(Buffer.from(content)).map(({ needle }) => needles[needle]?.name ?? '');
};

describe('needlesOf', () => {
  it('knows a number within base64 text, wherever it begins and whatever follows', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (before, after) => {
        const content = Buffer.concat([before, Buffer.from('4012001037141112'), after]).toString('base64');
        expect(found(content, needlesOf('number', DIGITS))).toEqual(['number as base64 text in ASCII']);
      }),
    );
  });

  it('finds nothing in the masked forms that may be shown', () => {
    expect(found('401200 •••• 1112 visa 2030-12', needlesOf('number', DIGITS))).toEqual([]);
  });

  it('never names a digit', () => {
    const names = [...needlesOf('number', DIGITS), ...textNeedlesOf('part', DIGITS.slice(0, 9))].map(
      ({ name }) => name,
    );
    expect(names.join(' ')).not.toMatch(/\d{4}/);
  });
});
