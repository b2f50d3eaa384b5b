/** Ways to leave digits behind, in the words of Node's own functions: what the search for residue must find. */
export interface Leak {
  readonly form: string;
  /** The name of the form that it is found as. */
  readonly foundAs: string;
  readonly write: (digits: readonly number[]) => Buffer;
}

const textOf = (digits: readonly number[]): string => digits.join('');
const asciiOf = (digits: readonly number[]): Buffer => Buffer.from(textOf(digits), 'ascii');
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const utf16be = (text: string): Buffer => utf16(text).swap16();
const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
const hexOf = (digits: readonly number[]): string => asciiOf(digits).toString('hex');
const bcd = (hex: string): Buffer => Buffer.from(hex, 'hex');
const swapped = (hex: string): Buffer => bcd(hex.replaceAll(/(.)(.)/g, '$2$1'));
const grouped = (digits: readonly number[], separator: string): string =>
  textOf(digits).replaceAll(/(?<=^(?:.{4})+)(?=.)/g, separator);

function text(form: string, foundAs: string, write: (digits: readonly number[]) => string): Leak[] {
  const prefix = foundAs === '' ? '' : `${foundAs} in `;
  return [
    { form, foundAs: `${prefix}ASCII`, write: (digits) => Buffer.from(write(digits), 'latin1') },
    { form: `${form}, UTF-16LE`, foundAs: `${prefix}UTF-16LE`, write: (digits) => utf16(write(digits)) },
    { form: `${form}, UTF-16BE`, foundAs: `${prefix}UTF-16BE`, write: (digits) => utf16be(write(digits)) },
  ];
}

const base64 = (alphabet: 'base64' | 'base64url', before: string) => (digits: readonly number[]) =>
  Buffer.from(`${before}${textOf(digits)}"}`).toString(alphabet);

/** For digits of 15 or more; in binary they are found when they are random only. */
export const LEAKS: readonly Leak[] = [
  ...text('plain', '', textOf),
  ...text('in JSON', '', (digits) => JSON.stringify({ card_number: textOf(digits) })),
  ...text('a number in JSON', '', (digits) => `{"n":${BigInt(textOf(digits))}}`),
  ...text('groups with spaces', 'digits in groups', (digits) => grouped(digits, ' ')),
  ...text('groups with dashes', 'digits in groups', (digits) => grouped(digits, '-')),
  ...text('digits of an array', 'single digits', (digits) => JSON.stringify(digits)),
  ...text('keys of an array', 'single digits', (digits) => JSON.stringify(digits.map(String))),
  ...text('spoken', 'single digits', (digits) => digits.join(' ')),
  ...text('reversed', 'reversed digits', (digits) => textOf(digits.toReversed())),
  ...text('hexadecimal', 'hexadecimal text', hexOf),
  ...text('hexadecimal in pairs', 'hexadecimal text', (digits) =>
    hexOf(digits).replaceAll(/(?<=^(?:..)+)(?=.)/g, ' '),
  ),
  ...text('percent-encoded', 'hexadecimal text', (digits) => hexOf(digits).replaceAll(/../g, '%$&')),
  ...text('hexadecimal of UTF-16', 'hexadecimal text', (digits) => utf16(textOf(digits)).toString('hex')),
  ...text('a Buffer in JSON', 'character codes', (digits) => JSON.stringify(asciiOf(digits))),
  ...text('a Uint8Array in JSON', 'character codes', (digits) =>
    JSON.stringify(Uint8Array.from(asciiOf(digits))),
  ),
  ...text('base64, first alignment', 'base64 text', base64('base64', '')),
  ...text('base64, second alignment', 'base64 text', base64('base64', '{')),
  ...text('base64, third alignment', 'base64 text', base64('base64', '{"')),
  ...text('base64url', 'base64 text', base64('base64url', '{"number":"')),
  ...text('base64 of UTF-16', 'base64 text of UTF-16', (digits) =>
    utf16(`"${textOf(digits)}"`).toString('base64'),
  ),
  ...text('base64 of BCD', 'base64 text of packed BCD', (digits) =>
    bcd(`ff${textOf(digits)}ff`.slice(0, 20)).toString('base64'),
  ),
  ...text('hexadecimal integer', 'hexadecimal integer', (digits) => BigInt(textOf(digits)).toString(16)),
  ...text('hexadecimal integer in capitals', 'hexadecimal integer', (digits) =>
    BigInt(textOf(digits)).toString(16).toUpperCase(),
  ),
  { form: 'BCD', foundAs: 'packed BCD, even', write: (digits) => bcd(textOf(digits)) },
  {
    form: 'BCD, F to the right',
    foundAs: 'packed BCD, even',
    write: (digits) => bcd(textOf(digits).padEnd(20, 'f')),
  },
  {
    form: 'BCD, zeros to the right',
    foundAs: 'packed BCD, even',
    write: (digits) => bcd(textOf(digits).padEnd(20, '0')),
  },
  {
    form: 'BCD, an F to the left',
    foundAs: 'packed BCD, odd',
    write: (digits) => bcd(`f${textOf(digits)}`.padEnd(20, 'f')),
  },
  {
    form: 'BCD, a zero to the left',
    foundAs: 'packed BCD, odd',
    write: (digits) => bcd(`0${textOf(digits)}`.padEnd(20, '0')),
  },
  {
    form: 'TBCD',
    foundAs: 'packed BCD, nibbles swapped',
    write: (digits) => swapped(textOf(digits).padEnd(20, 'f')),
  },
  {
    form: 'TBCD, odd',
    foundAs: 'packed BCD, nibbles swapped',
    write: (digits) => swapped(`1${textOf(digits)}`.padEnd(20, 'f')),
  },
  {
    form: 'BCD, little-endian',
    foundAs: 'packed BCD, bytes reversed',
    write: (digits) => Buffer.from(bcd(textOf(digits)).toReversed()),
  },
  { form: 'values', foundAs: 'key codes of 1 byte', write: (digits) => Buffer.from(digits) },
  {
    form: 'values of 2 bytes',
    foundAs: 'key codes of 2 bytes',
    write: (digits) => bytesOf(Uint16Array.from(digits)),
  },
  {
    form: 'values of 4 bytes',
    foundAs: 'key codes of 4 bytes',
    write: (digits) => bytesOf(Int32Array.from(digits)),
  },
  {
    form: 'character codes of 4 bytes',
    foundAs: 'UTF-32',
    write: (digits) => bytesOf(Uint32Array.from(asciiOf(digits))),
  },
  {
    form: 'an array of V8',
    foundAs: 'small integers of V8',
    write: (digits) => bytesOf(BigInt64Array.from(digits, (digit) => BigInt(digit) << 32n)),
  },
  {
    form: 'an array of character codes of V8',
    foundAs: 'small integers of V8',
    write: (digits) => bytesOf(BigInt64Array.from(asciiOf(digits), (code) => BigInt(code) << 32n)),
  },
  {
    form: 'a 64-bit integer',
    foundAs: '64-bit integer',
    write: (digits) => bytesOf(BigInt64Array.of(BigInt(textOf(digits)))),
  },
  {
    form: 'a 64-bit integer in network order',
    foundAs: '64-bit integer',
    write: (digits) => Buffer.from(bytesOf(BigInt64Array.of(BigInt(textOf(digits)))).toReversed()),
  },
  {
    form: 'a number of JavaScript',
    foundAs: 'floating-point number',
    write: (digits) => bytesOf(Float64Array.of(Number(textOf(digits)))),
  },
];
