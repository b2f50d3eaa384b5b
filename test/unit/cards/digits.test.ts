import { describe, expect, it } from 'vitest';
import { byteOf, digitOf, leadingNumber } from '../../../src/cards/digits.ts';
import { ascii } from './published.ts';

describe('digits', () => {
  it('are ASCII 0 to 9 and nothing else', () => {
    const digits = Array.from({ length: 256 }, (_, byte) => digitOf(byte));
    expect(digits.filter((digit) => digit !== undefined)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(digits.slice(0x30, 0x3a)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(digitOf(undefined)).toBeUndefined();
    expect(Array.from({ length: 10 }, (_, digit) => byteOf(digit))).toEqual([...ascii('0123456789')]);
  });

  it('read as a number from the front', () => {
    expect(leadingNumber(ascii('6011000'), 4)).toBe(6011);
    expect(leadingNumber(ascii('0042'), 4)).toBe(42);
    expect(leadingNumber(ascii('601'), 4)).toBeUndefined();
    expect(leadingNumber(ascii('6o11'), 4)).toBeUndefined();
  });
});
