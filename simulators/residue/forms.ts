/** A way in which digits can be left behind: what would be found of them, whatever stands before and after. */
export interface Form {
  /** Never holds a digit of the value. */
  readonly name: string;
  readonly needles: readonly Uint8Array[];
}

const ASCII_ZERO = 0x30;

/** Below this a number in binary has so few bytes that they are found by chance. */
const FEWEST_DIGITS_OF_AN_INTEGER = 15;

const FEWEST_DIGITS = 8;

/**
 * One of 6,000 runs of five such bytes stands in a process's memory by chance, as they spell much of the alphabet; of
 * six it is one of 500,000.
 */
const FEWEST_PACKED_BYTES = 6;

/** RFC 4648: six bits a character. */
const BASE64_BITS = 6;

/**
 * As text in ASCII and in UTF-16: plain, in groups, digit by digit, reversed. Also for published numbers, and for parts of a
 * number of 8 digits or more.
 */
export function textForms(digits: readonly number[]): Form[] {
  if (digits.length < FEWEST_DIGITS) throw new Error('fewer than 8 digits would be found by chance');
  const text = digits.join('');
  return [
    ...inEveryCharset('', [text]),
    ...inEveryCharset('digits in groups', groupings(digits)),
    ...inEveryCharset(
      'single digits',
      [' ', ',', ', ', '-', '","', "', '"].map((each) => digits.join(each)),
    ),
    ...inEveryCharset('reversed digits', [digits.toReversed().join('')]),
  ];
}

/** What programs make of text: hexadecimal, base64, percent-encoding, lists of character codes. */
export function encodedForms(digits: readonly number[]): Form[] {
  const ascii = asciiOf(digits);
  const hex = Array.from(ascii, (byte) => byte.toString(16));
  const pairs = hex.join('').match(/.{4}/g) ?? [];
  return [
    ...inEveryCharset('hexadecimal text', [
      hex.join(''),
      ...[' ', ':', '-', '%', String.raw`\x`, ', 0x', String.raw`\u00`].map((each) => hex.join(each)),
      pairs.join(' '), // as in the dumps of xxd(1)
      utf16(digits.join(''), 'LE').toString('hex').slice(0, -2),
    ]),
    ...inEveryCharset('character codes', [
      ascii.join(','),
      ascii.join(', '),
      // How JSON writes a Uint8Array.
      Array.from(ascii, (byte, index) => `"${index}":${byte}`).join(','),
    ]),
    ...inEveryCharset('base64 text', base64Forms(ascii)),
    ...inEveryCharset('base64 text of UTF-16', base64Forms(utf16(digits.join(''), 'LE'))),
  ];
}

/**
 * As numbers, in the ways of machines and protocols. For random digits only: regular ones, as published numbers have, are
 * found by chance (4242… in V8's tables of source positions, 4000…0002 in numbers and zeros).
 */
export function binaryForms(digits: readonly number[]): Form[] {
  return [...packedForms(digits), ...keyCodeForms(digits), ...integerForms(digits)];
}

/**
 * Binary-coded decimal, two digits a byte, as in ISO 8583 and EMV. What pads it, `F` or zeros, to the left or to the
 * right, decides whether the first digit is in the high nibble (even) or in the low one (odd); only the bytes that hold
 * nothing but digits are looked for. TBCD (3GPP TS 29.002) has the nibbles the other way round.
 */
function packedForms(digits: readonly number[]): Form[] {
  const shifted = withPadding(digits);
  const alignments = [packed(digits), ...shifted];
  const swapped = [packed(digits, true), ...withPadding(digits, true)];
  const text = (bytes: readonly Uint8Array[]): string[] => bytes.flatMap((each) => base64Forms(each));
  const hex = swapped.map((bytes) => Buffer.from(bytes).toString('hex'));
  return [
    { name: 'packed BCD, even', needles: alignments.slice(0, 1) },
    { name: 'packed BCD, odd', needles: shifted },
    { name: 'packed BCD, nibbles swapped', needles: swapped },
    { name: 'packed BCD, bytes reversed', needles: alignments.map((bytes) => bytes.toReversed()) },
    ...inEveryCharset('base64 text of packed BCD', text(alignments)),
    ...inEveryCharset('hexadecimal text of swapped BCD', hex),
  ];
}

/**
 * With the first digit in the low nibble of a byte. The bytes that hold nothing but digits, where these are enough; else
 * with one nibble of what pads them (`F` or zero) before or after.
 */
function withPadding(digits: readonly number[], swapped = false): Uint8Array[] {
  const whole = packed(digits.slice(1), swapped);
  if (whole.length >= FEWEST_PACKED_BYTES) return [whole];
  return [0, 15].flatMap((padding) => [
    packed([padding, ...digits], swapped),
    packed([...digits.slice(1), padding], swapped),
  ]);
}

/** Arrays with an element for each digit: its value, or its character code. Little-endian ones are those of V8. */
function keyCodeForms(digits: readonly number[]): Form[] {
  const ascii = Array.from(asciiOf(digits));
  return [
    { name: 'key codes of 1 byte', needles: [Uint8Array.from(digits)] },
    { name: 'key codes of 2 bytes', needles: [wide(digits, 2, 0)] },
    { name: 'key codes of 4 bytes', needles: [wide(digits, 4, 0)] },
    { name: 'UTF-32', needles: [wide(ascii, 4, 0)] },
    // A small integer is in the upper half of a word of 8 bytes.
    { name: 'small integers of V8', needles: [wide(digits, 8, 4), wide(ascii, 8, 4)] },
  ];
}

function integerForms(digits: readonly number[]): Form[] {
  if (digits.length < FEWEST_DIGITS_OF_AN_INTEGER) return [];
  const value = BigInt(digits.join(''));
  const [integer, double] = [Buffer.alloc(8), Buffer.alloc(8)];
  integer.writeBigUInt64LE(BigInt.asUintN(64, value));
  double.writeDoubleLE(Number(value));
  const numeric = base10000(digits);
  const hex = value.toString(16);
  return [
    { name: '64-bit integer', needles: [integer, integer.toReversed()] },
    { name: 'floating-point number', needles: [double, double.toReversed()] },
    { name: 'numeric of PostgreSQL', needles: [numeric, Buffer.from(numeric).swap16()] },
    ...inEveryCharset('hexadecimal integer', [hex, hex.toUpperCase()]),
  ];
}

/** Base 10,000 from the right, 16 bits each: in the server's own order on disk, in network order on the wire. */
function base10000(digits: readonly number[]): Buffer {
  const padded = digits.join('').padStart(Math.ceil(digits.length / 4) * 4, '0');
  const groups = Array.from(padded.match(/.{4}/g) ?? [], Number);
  while (groups.at(-1) === 0) groups.pop(); // they are not stored
  return wide(groups, 2, 0);
}

function inEveryCharset(what: string, texts: readonly string[]): Form[] {
  const prefix = what === '' ? '' : `${what} in `;
  return [
    { name: `${prefix}ASCII`, needles: texts.map((text) => Buffer.from(text, 'latin1')) },
    { name: `${prefix}UTF-16LE`, needles: texts.map((text) => utf16(text, 'LE')) },
    { name: `${prefix}UTF-16BE`, needles: texts.map((text) => utf16(text, 'BE')) },
  ];
}

function utf16(text: string, order: 'LE' | 'BE'): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return order === 'LE' ? bytes : bytes.swap16();
}

/** By fours, as most cards are printed, and 4-6-5 as those of 15 digits are. */
function groupings(digits: readonly number[]): string[] {
  const text = digits.join('');
  const groups = [text.match(/.{1,4}/g) ?? []];
  if (text.length === 15) groups.push([text.slice(0, 4), text.slice(4, 10), text.slice(10)]);
  return groups.flatMap((each) => [' ', '-', '.', '\u00a0'].map((separator) => each.join(separator)));
}

/**
 * What base64 and base64url make of bytes wherever these begin in what was encoded: of each of the three alignments the
 * characters that depend on these bytes alone.
 */
function base64Forms(bytes: Uint8Array): string[] {
  const texts = [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = Math.ceil((before * 8) / BASE64_BITS);
    const end = Math.floor((encoded.length * 8) / BASE64_BITS);
    return (['base64', 'base64url'] as const).map((alphabet) => encoded.toString(alphabet).slice(first, end));
  });
  return [...new Set(texts)];
}

const asciiOf = (digits: readonly number[]): Uint8Array =>
  Uint8Array.from(digits, (digit) => ASCII_ZERO + digit);

function packed(digits: readonly number[], swapped = false): Uint8Array {
  return Uint8Array.from({ length: digits.length >> 1 }, (_, index) => {
    const [first, second] = [digits[2 * index] ?? 0, digits[2 * index + 1] ?? 0];
    return swapped ? (second << 4) | first : (first << 4) | second;
  });
}

/** Little-endian elements of `size` bytes with the value `offset` bytes into them. */
function wide(values: readonly number[], size: number, offset: number): Buffer {
  const bytes = Buffer.alloc(values.length * size);
  values.forEach((value, index) => bytes.writeUInt16LE(value, index * size + offset));
  return bytes;
}
