import { describe, expect, it } from 'vitest';
import {
  A_LAW_TO_LINEAR,
  decodeALaw,
  decodeMuLaw,
  encodeALaw,
  encodeMuLaw,
  LINEAR_TO_A_LAW,
  LINEAR_TO_MU_LAW,
  MU_LAW_TO_LINEAR,
} from '../../../../simulators/audio/g711.ts';

const everySample = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768);

describe('G.711', () => {
  it('has the values of the µ-law table', () => {
    expect([0xff, 0xfe, 0xef, 0x80, 0x7f, 0x00].map((code) => MU_LAW_TO_LINEAR[code])).toEqual([
      0, 8, 132, 32_124, 0, -32_124,
    ]);
    expect([0, 8, 32_767].map((sample) => LINEAR_TO_MU_LAW[sample])).toEqual([0xff, 0xfe, 0x80]);
    expect(LINEAR_TO_MU_LAW[-32_768 & 0xffff]).toBe(0x00);
  });

  it('has the values of the A-law table', () => {
    expect([0xd5, 0x55, 0xaa, 0x2a, 0x80].map((code) => A_LAW_TO_LINEAR[code])).toEqual([
      8, -8, 32_256, -32_256, 5504,
    ]);
    expect([0, 32_767].map((sample) => LINEAR_TO_A_LAW[sample])).toEqual([0xd5, 0xaa]);
    expect([-1, -32_768].map((sample) => LINEAR_TO_A_LAW[sample & 0xffff])).toEqual([0x55, 0x2a]);
  });

  it.each([
    ['µ-law', MU_LAW_TO_LINEAR, LINEAR_TO_MU_LAW],
    ['A-law', A_LAW_TO_LINEAR, LINEAR_TO_A_LAW],
  ])('%s keeps what it has decoded', (_, decoding, encoding) => {
    for (const value of decoding) expect(decoding[encoding[value & 0xffff] ?? -1]).toBe(value);
  });

  it.each([
    ['µ-law', encodeMuLaw, decodeMuLaw],
    ['A-law', encodeALaw, decodeALaw],
  ])('%s is off by no more than half an interval', (_, encode, decode) => {
    const decoded = decode(encode(everySample));
    let worst = 0;
    for (const [index, sample] of everySample.entries()) {
      // 132 is µ-law's bias; A-law's smallest interval is 16 wide; beyond the last value the signal is clipped.
      const half = Math.max(8, (Math.abs(sample) + 132) / 32) + Math.max(0, Math.abs(sample) - 32_124);
      worst = Math.max(worst, Math.abs((decoded[index] ?? NaN) - sample) / half);
    }
    expect(worst).toBeLessThanOrEqual(1);
    expect(worst).toBeGreaterThan(0.9);
  });
});
