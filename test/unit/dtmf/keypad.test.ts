import { describe, expect, it } from 'vitest';
import { frequenciesOf, HIGH_GROUP_HZ, keyAt, LOW_GROUP_HZ } from '../../../src/dtmf/keypad.ts';

describe('keypad', () => {
  it('has the frequencies of ITU-T Q.23 at the event codes of RFC 4733', () => {
    expect(Array.from({ length: 16 }, (_, key) => frequenciesOf(key))).toEqual(
      [
        [941, 1336],
        [697, 1209],
        [697, 1336],
        [697, 1477],
        [770, 1209],
        [770, 1336],
        [770, 1477],
        [852, 1209],
        [852, 1336],
        [852, 1477],
        [941, 1209],
        [941, 1477],
        [697, 1633],
        [770, 1633],
        [852, 1633],
        [941, 1633],
      ].map(([lowHz, highHz]) => ({ lowHz, highHz })),
    );
  });

  it('finds each key at its place', () => {
    for (const [low, lowHz] of LOW_GROUP_HZ.entries()) {
      for (const [high, highHz] of HIGH_GROUP_HZ.entries()) {
        expect(frequenciesOf(keyAt(low, high))).toEqual({ lowHz, highHz });
      }
    }
  });

  it('refuses what is no key', () => {
    for (const key of [16, -1, 1.5, NaN]) {
      expect(() => frequenciesOf(key)).toThrow(expect.objectContaining({ code: 'dtmf_key' }));
    }
    expect(() => keyAt(4, 4)).toThrow(expect.objectContaining({ code: 'dtmf_key' }));
  });
});
