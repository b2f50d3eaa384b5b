import { forms } from './process-memory.ts';

/** Something that must not be found anywhere, with the words to report it by. Those never hold a digit. */
export interface Needle {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * All forms in which a run of digits could have been left behind. `digits` are values 0 to 9; 12 or more of them, as
 * packed ones are found by chance when they are shorter. They must be random: published test numbers are regular, and
 * in binary such patterns are everywhere (4242… in V8's tables of source positions, 4000…0002 in numbers and zeros).
 */
export function needlesOf(name: string, digits: readonly number[]): Needle[] {
  return [
    ...textNeedlesOf(name, digits),
    ...encodedNeedlesOf(name, digits),
    ...binaryNeedlesOf(name, digits),
  ];
}

/** As ASCII and as UTF-16: also for published numbers, and for parts of a number of 8 digits or more. */
export function textNeedlesOf(name: string, digits: readonly number[]): Needle[] {
  const [ascii = Buffer.alloc(0), utf16 = Buffer.alloc(0)] = forms(digits);
  return [
    { name: `${name} as ASCII`, bytes: ascii },
    { name: `${name} as UTF-16`, bytes: utf16 },
  ];
}

/** As hexadecimal and as base64 text of the ASCII: also for published numbers. */
export function encodedNeedlesOf(name: string, digits: readonly number[]): Needle[] {
  const ascii = Buffer.from(digits.map((digit) => 0x30 + digit));
  return [
    { name: `${name} as hexadecimal text`, bytes: Buffer.from(ascii.toString('hex')) },
    ...[0, 1, 2].map((before) => ({ name: `${name} as base64 text`, bytes: base64(ascii, before) })),
  ];
}

/** As packed BCD, and the values of the keys as arrays of 1, 4 and 8 bytes each, the last as V8 tags small integers. */
function binaryNeedlesOf(name: string, digits: readonly number[]): Needle[] {
  const [, , even = Buffer.alloc(0), odd = Buffer.alloc(0)] = forms(digits);
  return [
    { name: `${name} as packed BCD`, bytes: even },
    { name: `${name} as packed BCD, odd`, bytes: odd },
    { name: `${name} as key codes of 1 byte`, bytes: Uint8Array.from(digits) },
    { name: `${name} as key codes of 4 bytes`, bytes: wide(digits, 4, 0) },
    // A small integer is in the upper half of a word of 8 bytes.
    { name: `${name} as small integers of V8`, bytes: wide(digits, 8, 4) },
  ];
}

/** What base64 (RFC 4648) makes of the digits behind `before` other bytes: the characters that depend on them alone. */
function base64(ascii: Buffer, before: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(before), ascii]).toString('base64');
  const first = Math.ceil((before * 8) / 6);
  const end = Math.floor(((before + ascii.length) * 8) / 6);
  return Buffer.from(text.slice(first, end));
}

function wide(digits: readonly number[], size: number, offset: number): Buffer {
  const bytes = Buffer.alloc(digits.length * size);
  digits.forEach((digit, index) => bytes.writeInt32LE(digit, index * size + offset));
  return bytes;
}
