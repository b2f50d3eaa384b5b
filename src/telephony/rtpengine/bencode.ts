import { HushtoneError } from '../../kernel/errors.ts';

/**
 * Bencode as rtpengine's ng protocol uses it (byte strings, integers, lists, dictionaries), over Buffers.
 *
 * Stricter than the daemon: no leading zeros, no `-0`, no duplicate key. Keys need not be sorted: rtpengine does not
 * sort them. Every error is a `HushtoneError` with the code `bencode_invalid`; no content of the message is in it.
 */

/** A decoded value. Byte strings are views into the message; integers beyond 2^53 are `bigint`. */
export type BencodeValue = Buffer | number | bigint | BencodeValue[] | BencodeDictionary;

export type BencodeDictionary = ReadonlyMap<string, BencodeValue>;

/** What can be encoded. A string becomes its UTF-8 bytes; a key that is `undefined` is left out. */
export type BencodeInput =
  | string
  | Uint8Array
  | number
  | bigint
  | readonly BencodeInput[]
  | BencodeInputDictionary
  | BencodeDictionary;

export interface BencodeInputDictionary {
  readonly [key: string]: BencodeInput | undefined;
}

/** The longest message, either way: what one UDP datagram can hold. */
export const LARGEST_MESSAGE_BYTES = 65_536;

/** A `query` reply nests eight deep; the rest is room. */
const DEEPEST_NESTING = 32;

/** int64, the widest integer that rtpengine writes: a sign and 19 digits. */
const LONGEST_INTEGER = 20;
const LARGEST_INTEGER = 2n ** 63n - 1n;
const SMALLEST_INTEGER = -(2n ** 63n);

const LONGEST_LENGTH_PREFIX = String(LARGEST_MESSAGE_BYTES).length;

const CODE_0 = 0x30;
const CODE_9 = 0x39;
const COLON = 0x3a;
const DICTIONARY = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;

export function isBencodeDictionary(value: BencodeValue | undefined): value is BencodeDictionary {
  return value instanceof Map;
}

/** A byte string as Latin-1, so that any bytes can be told apart and sent back; undefined for any other value. */
export function bencodeText(value: BencodeValue | undefined): string | undefined {
  return Buffer.isBuffer(value) ? value.toString('latin1') : undefined;
}

function invalid(what: string): HushtoneError {
  return new HushtoneError('bencode_invalid', 'invalid', `not a bencode message: ${what}`);
}

/** Encodes one value. Throws `bencode_invalid` for an unsafe integer, a too deep or a too long value. */
export function encodeBencode(value: BencodeInput): Buffer {
  const parts: Buffer[] = [];
  write(value, parts, 0);
  const message = Buffer.concat(parts);
  if (message.length > LARGEST_MESSAGE_BYTES) throw invalid('too long');
  return message;
}

function write(value: BencodeInput, parts: Buffer[], depth: number): void {
  if (depth > DEEPEST_NESTING) throw invalid('nested too deep');
  if (typeof value === 'string') writeBytes(Buffer.from(value, 'utf8'), parts);
  else if (value instanceof Uint8Array) writeBytes(Buffer.from(value), parts);
  else if (typeof value === 'number' || typeof value === 'bigint') writeInteger(value, parts);
  else if (Array.isArray(value)) {
    parts.push(Buffer.from('l'));
    for (const item of value as readonly BencodeInput[]) write(item, parts, depth + 1);
    parts.push(Buffer.from('e'));
  } else if (typeof value === 'object' && value !== null) {
    const entries = value instanceof Map ? [...(value as BencodeDictionary)] : Object.entries(value);
    parts.push(Buffer.from('d'));
    for (const [key, item] of entries as [string, BencodeInput | undefined][]) {
      if (item === undefined) continue;
      writeBytes(keyBytes(key), parts);
      write(item, parts, depth + 1);
    }
    parts.push(Buffer.from('e'));
  } else throw invalid('a value of no bencode type');
}

function writeBytes(bytes: Buffer, parts: Buffer[]): void {
  parts.push(Buffer.from(`${bytes.length}:`), bytes);
}

function writeInteger(value: number | bigint, parts: Buffer[]): void {
  const fits =
    typeof value === 'bigint'
      ? value >= SMALLEST_INTEGER && value <= LARGEST_INTEGER
      : Number.isSafeInteger(value);
  if (!fits) throw invalid('an integer out of range');
  parts.push(Buffer.from(`i${value === 0 ? 0 : value}e`));
}

/** Keys are Latin-1 both ways, so that any bytes that come as a key can be told apart and sent back. */
function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key, 'latin1');
  if (bytes.toString('latin1') !== key) throw invalid('a key beyond Latin-1');
  return bytes;
}

/** Decodes a message that holds exactly one value. Throws `bencode_invalid` for anything else. */
export function decodeBencode(message: Buffer): BencodeValue {
  const decoded = decodeBencodePrefix(message);
  if (decoded === undefined) throw invalid('cut short');
  if (decoded.end !== message.length) throw invalid('bytes after the end');
  return decoded.value;
}

/**
 * Decodes the value that starts at `start` of a stream. Returns undefined when more bytes are needed: call again
 * with more. Throws `bencode_invalid` when no further byte can make it valid, or when it grows too long.
 */
export function decodeBencodePrefix(
  bytes: Buffer,
  start = 0,
): { readonly value: BencodeValue; readonly end: number } | undefined {
  const reader = new Reader(bytes.subarray(start, start + LARGEST_MESSAGE_BYTES));
  const value = reader.value(0);
  if (value !== undefined) return { value, end: start + reader.at };
  if (bytes.length - start >= LARGEST_MESSAGE_BYTES) throw invalid('too long');
  return undefined;
}

/** Every method returns undefined when the bytes end before the value does. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(depth: number): BencodeValue | undefined {
    if (depth > DEEPEST_NESTING) throw invalid('nested too deep');
    const type = this.#bytes[this.at];
    if (type === undefined) return undefined;
    if (type === INTEGER) return this.#integer();
    if (type === LIST) return this.#list(depth);
    if (type === DICTIONARY) return this.#dictionary(depth);
    return this.#string();
  }

  #integer(): number | bigint | undefined {
    const digits = this.#until(END, this.at + 1, LONGEST_INTEGER, 'an integer');
    if (digits === undefined) return undefined;
    if (!/^(?:0|-?[1-9]\d*)$/.test(digits)) throw invalid('an integer');
    const value = BigInt(digits);
    if (value > LARGEST_INTEGER || value < SMALLEST_INTEGER) throw invalid('an integer out of range');
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #string(): Buffer | undefined {
    const digits = this.#until(COLON, this.at, LONGEST_LENGTH_PREFIX, 'a string length');
    if (digits === undefined) return undefined;
    if (!/^(?:0|[1-9]\d*)$/.test(digits)) throw invalid('a string length');
    const length = Number(digits);
    if (length > LARGEST_MESSAGE_BYTES) throw invalid('too long');
    const end = this.at + length;
    if (end > this.#bytes.length) return undefined;
    const value = this.#bytes.subarray(this.at, end);
    this.at = end;
    return value;
  }

  #list(depth: number): BencodeValue[] | undefined {
    this.at += 1;
    const items: BencodeValue[] = [];
    while (this.#bytes[this.at] !== END) {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    this.at += 1;
    return items;
  }

  #dictionary(depth: number): BencodeDictionary | undefined {
    this.at += 1;
    const entries = new Map<string, BencodeValue>();
    while (this.#bytes[this.at] !== END) {
      if (this.at >= this.#bytes.length) return undefined;
      const key = this.#string()?.toString('latin1');
      if (key === undefined) return undefined;
      if (entries.has(key)) throw invalid('a duplicate key');
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      entries.set(key, item);
    }
    this.at += 1;
    return entries;
  }

  /** The characters from `from` up to `terminator`, and moves past it; at most `longest` of them. */
  #until(terminator: number, from: number, longest: number, what: string): string | undefined {
    for (let index = from; index < this.#bytes.length; index += 1) {
      const byte = this.#bytes[index];
      if (byte === terminator) {
        this.at = index + 1;
        return this.#bytes.toString('latin1', from, index);
      }
      const digit = byte !== undefined && byte >= CODE_0 && byte <= CODE_9;
      const sign = byte === 0x2d && index === from && terminator === END;
      if ((!digit && !sign) || index - from >= longest) throw invalid(what);
    }
    return undefined;
  }
}
