import { createHash } from 'node:crypto';
import { HushtoneError } from '../../../kernel/errors.ts';
import { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import type { Share } from './shamir.ts';

const FORMAT = 'hushtone key share';
const VERSION = 1;
const SET = /^[0-9a-f]{16}$/;
/** 32 bytes, base64url: with anything shorter the secret would be guessed, with nothing it would be known. */
const VALUE_CHARACTERS = 43;
/** How much of the SHA-256 a share carries, in hexadecimal: a mistyped or torn share is found. */
const CHECKSUM_CHARACTERS = 16;

export const LARGEST_FILE_BYTES = 4096;

/** Which shares belong together. */
export interface ShareSet {
  readonly set: string;
  readonly threshold: number;
  readonly shares: number;
}

/** A share with the set that it is of. The caller wipes its value. */
export interface SharedPart extends ShareSet, Share {}

/**
 * A share file is JSON. Its member `value` is the secret part: it is read and written as bytes in memory for secrets, and
 * in what is a string of the rest this stands in its place.
 */
const BLANK = '-'.repeat(VALUE_CHARACTERS);
const VALUE_MEMBER = Buffer.from('"value"');
const QUOTE = 0x22;
const COLON = 0x3a;
/** RFC 8259, 2. */
const WHITE_SPACE: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

function damaged(message: string): HushtoneError {
  return new HushtoneError('share_damaged', 'unavailable', message);
}

const notOne = (path: string): HushtoneError =>
  damaged(`${path} is no share of a key file, or a damaged one`);

function checksumOf({ set, threshold, shares }: ShareSet, index: number, value: Uint8Array): string {
  const text = [FORMAT, VERSION, set, threshold, shares, index, ''].join('\n');
  return createHash('sha256').update(text).update(value).digest('hex').slice(0, CHECKSUM_CHARACTERS);
}

/** The characters between the quotes of the member `value`: a view of the bytes. */
function findValue(bytes: Uint8Array): Uint8Array | undefined {
  // A view of the secret's own memory: not a copy.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const member = text.indexOf(VALUE_MEMBER);
  if (member === -1) return undefined;
  let at = member + VALUE_MEMBER.length;
  const skip = (): void => {
    while (WHITE_SPACE.has(bytes[at])) at += 1;
  };
  skip();
  if (bytes[at] !== COLON) return undefined;
  at += 1;
  skip();
  const [start, end] = [at + 1, at + 1 + VALUE_CHARACTERS];
  if (bytes[at] !== QUOTE || bytes[end] !== QUOTE) return undefined;
  return bytes.subarray(start, end);
}

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 255;

/**
 * What a share file says. The value is blanked out of `file` before anything of it becomes a string. Throws
 * `share_damaged`; `path` is for the message.
 */
export function parseShare(file: SecretBuffer, path: string): SharedPart {
  return file.use((bytes) => {
    const characters = findValue(bytes);
    if (characters === undefined) throw notOne(path);
    using text = new SecretBuffer(VALUE_CHARACTERS);
    text.appendBytes(characters);
    characters.set(Buffer.from(BLANK));
    const { set, index, checksum } = parseRest(Buffer.from(bytes).toString('utf8'), path);
    return text.use((value) => {
      const decoded = checksumOf(set, index, value) === checksum ? decodeBase64url(value) : undefined;
      if (decoded === undefined) throw damaged(`the share in ${path} is damaged: its checksum does not fit`);
      return { ...set, index, value: decoded };
    });
  });
}

/** All but the value. */
function parseRest(
  text: string,
  path: string,
): { readonly set: ShareSet; readonly index: number; readonly checksum: unknown } {
  let found: Partial<Record<string, unknown>> | null;
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    throw damaged(`${path} is no share: it is not JSON`);
  }
  const { format, version, set, threshold, shares, index, value, checksum } = found ?? {};
  if (format !== FORMAT || version !== VERSION) throw notOne(path);
  // Where the value is not the blank, what was blanked was not the value.
  const whole =
    typeof set === 'string' &&
    SET.test(set) &&
    isCount(threshold) &&
    isCount(shares) &&
    isCount(index) &&
    value === BLANK;
  if (!whole) throw damaged(`the share in ${path} is damaged`);
  return { set: { set, threshold, shares }, index, checksum };
}

/** The content of a share file. The caller wipes it. */
export function serializeShare({ set, threshold, shares }: ShareSet, share: Share): SecretBuffer {
  using value = encodeBase64url(share.value);
  const checksum = value.use((bytes) => checksumOf({ set, threshold, shares }, share.index, bytes));
  const rest = { format: FORMAT, version: VERSION, set, threshold, shares, index: share.index };
  const text = `${JSON.stringify({ ...rest, value: BLANK, checksum }, null, 2)}\n`;
  const [before = '', after = ''] = text.split(BLANK);
  const content = new SecretBuffer(LARGEST_FILE_BYTES);
  content.appendBytes(Buffer.from(before));
  value.use((bytes) => content.appendBytes(bytes));
  content.appendBytes(Buffer.from(after));
  return content;
}
