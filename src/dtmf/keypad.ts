import { HushtoneError } from '../kernel/errors.ts';

/** A key of the telephone as its RFC 4733 event code: 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`. */
export type KeyCode = number;

export const KEY_COUNT = 16;

/** The two frequency groups of ITU-T Q.23. */
export const LOW_GROUP_HZ: readonly number[] = [697, 770, 852, 941];
export const HIGH_GROUP_HZ: readonly number[] = [1209, 1336, 1477, 1633];

/** The key at (low, high), row by row. */
const KEYPAD: readonly KeyCode[] = [1, 2, 3, 12, 4, 5, 6, 13, 7, 8, 9, 14, 10, 0, 11, 15];

/** The key of a low and a high frequency, both by their index in the group. */
export function keyAt(low: number, high: number): KeyCode {
  const key = KEYPAD[low * HIGH_GROUP_HZ.length + high];
  if (key === undefined) throw new HushtoneError('dtmf_key', 'internal', 'no such frequency pair');
  return key;
}

/** The frequencies of a key. Throws `dtmf_key` when the code is not 0 to 15. */
export function frequenciesOf(key: KeyCode): { readonly lowHz: number; readonly highHz: number } {
  const place = KEYPAD.indexOf(key);
  const lowHz = LOW_GROUP_HZ[Math.floor(place / HIGH_GROUP_HZ.length)];
  const highHz = HIGH_GROUP_HZ[place % HIGH_GROUP_HZ.length];
  if (lowHz === undefined || highHz === undefined) {
    throw new HushtoneError('dtmf_key', 'invalid', 'a key code is 0 to 15');
  }
  return { lowHz, highHz };
}
