import { afterEach, expect, it } from 'vitest';
import { reservePortRange, type PortRange } from '../../../simulators/rtpengine/ports.ts';

const SIZE = 400;
const held: PortRange[] = [];

afterEach(() => {
  for (const range of held.splice(0)) range.release();
});

async function reserve(): Promise<number> {
  const range = await reservePortRange(['127.0.1.20', '127.0.2.20'], SIZE);
  held.push(range);
  expect(range.max - range.min + 1).toBe(SIZE);
  return range.min;
}

it('no two daemons get the same ports', async () => {
  const lowest: number[] = [];
  for (let count = 0; count < 15; count += 1) lowest.push(await reserve());
  expect(new Set(lowest).size).toBe(15);
});

it('what is given back can be had again, and nothing can be had twice', async () => {
  let reserved = 0;
  const all = async (): Promise<void> => {
    // There are fifty: whoever gets more has got one twice.
    for (; reserved <= 50; reserved += 1) await reserve();
  };
  await expect(all()).rejects.toThrow('no free range of RTP ports');
  expect(reserved).toBeGreaterThan(25);
  const given = held.pop();
  given?.release();
  // Fifty looks at fifty ranges miss the only free one in one case of three.
  const again = async (): Promise<number> => await reserve().catch(again);
  expect(await again()).toBe(given?.min);
});
