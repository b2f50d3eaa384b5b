import { expect, test } from 'vitest';
import { decodeG711, type G711Law } from '../../../../src/telephony/rtpengine/g711.ts';

/** The decoder output values of ITU-T G.711 tables 1 and 2, scaled to 16 bits: ends of segments and both zeros. */
const VECTORS: readonly [G711Law, number, number][] = [
  ['PCMU', 0xff, 0],
  ['PCMU', 0x7f, 0],
  ['PCMU', 0x80, 32_124],
  ['PCMU', 0x00, -32_124],
  ['PCMU', 0xfe, 8],
  ['PCMU', 0xef, 132],
  ['PCMU', 0xf0, 120],
  ['PCMU', 0x8f, 16_764],
  ['PCMU', 0x90, 15_996],
  ['PCMA', 0xd5, 8],
  ['PCMA', 0x55, -8],
  ['PCMA', 0xaa, 32_256],
  ['PCMA', 0x2a, -32_256],
  ['PCMA', 0xd4, 24],
  ['PCMA', 0xc5, 264],
  ['PCMA', 0xf5, 528],
];

test.each(VECTORS)('%s code %i is %i', (law, code, sample) => {
  expect([...decodeG711(law, Uint8Array.of(code))]).toEqual([sample]);
});

test.each(['PCMU', 'PCMA'] as const)('%s: the sign bit mirrors every code', (law) => {
  const codes = Uint8Array.from({ length: 128 }, (_, code) => code);
  const negative = decodeG711(law, codes);
  const positive = decodeG711(
    law,
    codes.map((code) => code | 0x80),
  );
  expect([...positive]).toEqual([...negative].map((sample) => (sample === 0 ? 0 : -sample)));
  expect(new Set(positive).size).toBe(128);
});
