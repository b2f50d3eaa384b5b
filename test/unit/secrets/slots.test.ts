import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Slots, type Slot } from '../../../src/secrets/slots.ts';

const memoryOf = (chunks: number): Uint8Array => new Uint8Array(chunks * 4096);

function takeAll(slots: Slots, bytes: number): Slot[] {
  const taken: Slot[] = [];
  for (let slot = slots.take(bytes); slot !== undefined; slot = slots.take(bytes)) taken.push(slot);
  return taken;
}

const isFilledWith = ({ bytes }: Slot, mark: number): boolean => bytes.every((byte) => byte === mark);

const offsetOf = ({ bytes }: Slot): number => bytes.byteOffset;

describe('Slots', () => {
  it.each([
    { bytes: 1, size: 64 },
    { bytes: 64, size: 64 },
    { bytes: 65, size: 256 },
    { bytes: 257, size: 1024 },
    { bytes: 1025, size: 4096 },
    { bytes: 4096, size: 4096 },
  ])('gives $size bytes for $bytes, and as many slots as fit', ({ bytes, size }) => {
    const memory = memoryOf(3);
    const taken = takeAll(new Slots(memory), bytes);
    expect(taken.map((slot) => slot.bytes.length)).toEqual(taken.map(() => size));
    expect(taken).toHaveLength((3 * 4096) / size);
    expect(new Set(taken.map(offsetOf)).size).toBe(taken.length);
    expect(taken.every((slot) => slot.bytes.buffer === memory.buffer)).toBe(true);
  });

  it.each([4097, Number.NaN])('has no slot of %d bytes', (bytes) => {
    expect(() => new Slots(memoryOf(1)).take(bytes)).toThrow(RangeError);
  });

  it('zeroes what is released, and again what is taken after a late writer was there', () => {
    const slots = new Slots(memoryOf(1));
    const slot = slots.take(4096)!;
    slot.bytes.fill(0x37);
    slots.release(slot);
    expect(slot.bytes.every((byte) => byte === 0)).toBe(true);
    slot.bytes.fill(0x37);
    expect(slots.take(4096)!.bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('gives what was free for the longest time', () => {
    const slots = new Slots(memoryOf(1));
    const taken = takeAll(slots, 64);
    const order = [taken[7]!, taken[3]!, taken[50]!];
    for (const slot of order) slots.release(slot);
    expect(order.map(() => offsetOf(slots.take(1)!))).toEqual(order.map(offsetOf));
  });

  it('divides memory anew for another size when nothing of it is taken', () => {
    const slots = new Slots(memoryOf(2));
    const small = takeAll(slots, 64);
    expect(slots.take(4096)).toBeUndefined();
    // All of one page, and all but one of the other.
    for (const slot of small.slice(0, -1)) slots.release(slot);
    const large = slots.take(4096);
    expect(offsetOf(large!)).toBe(0);
    expect(slots.take(4096)).toBeUndefined();
    expect(
      takeAll(slots, 64)
        .map(offsetOf)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 63 }, (_, index) => 4096 + index * 64));
  });

  it('never gives the same bytes to two owners, and loses none', () => {
    const command = fc.record({
      size: fc.constantFrom(20, 64, 200, 1000, 4096),
      release: fc.nat({ max: 400 }),
      releases: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 400 }), (commands) => {
        const memory = memoryOf(3);
        const slots = new Slots(memory);
        const owned: { slot: Slot; mark: number }[] = [];
        const faults: string[] = [];
        for (const [index, { size, release, releases }] of commands.entries()) {
          if (releases && owned.length > 0) {
            const [{ slot, mark }] = owned.splice(release % owned.length, 1) as [(typeof owned)[number]];
            if (!isFilledWith(slot, mark)) faults.push('not what its owner wrote');
            slots.release(slot);
          } else {
            const slot = slots.take(size);
            if (slot === undefined) continue;
            if (!isFilledWith(slot, 0)) faults.push('not zero');
            const mark = (index % 255) + 1;
            slot.bytes.fill(mark);
            owned.push({ slot, mark });
          }
          const sum = owned.reduce((total, each) => total + each.slot.bytes.length, 0);
          if (slots.takenBytes !== sum) faults.push('not what is taken');
        }
        for (const { slot, mark } of owned) {
          if (!isFilledWith(slot, mark)) faults.push('not what its owner wrote');
          slots.release(slot);
        }
        expect(faults).toEqual([]);
        expect(memory.every((byte) => byte === 0)).toBe(true);
        expect(takeAll(slots, 4096)).toHaveLength(3);
      }),
      { numRuns: 200 },
    );
  });
});
