import { HushtoneError } from '../../kernel/errors.ts';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';

/** Some of a secret: the month of an expiry, say. `start` and `end` as of `subarray`. */
export interface SecretSlice {
  readonly of: SecretBuffer;
  readonly start: number;
  readonly end: number;
}

/** Public text, or digits that leave their secret memory only encrypted. */
export type BodyChunk = string | SecretBuffer | SecretSlice;

const ASCII_ZERO = 0x30;
const ASCII_NINE = 0x39;

/**
 * How many bytes the chunks are. Throws `request_body` before anything is sent when a secret is empty or holds
 * anything but ASCII digits, since those need no escaping in JSON or a form, or when the body begins with one: it would
 * be put together with the header into one buffer.
 */
export function lengthOfBody(chunks: readonly BodyChunk[]): number {
  if (chunks[0] !== undefined && typeof chunks[0] !== 'string') {
    throw refused('a body begins with public text');
  }
  return chunks.reduce(
    (total, chunk) =>
      total + (typeof chunk === 'string' ? Buffer.byteLength(chunk) : lend(chunk, lengthOfDigits)),
    0,
  );
}

/** Lends the bytes of a secret chunk for the length of the call. */
export function lend<T>(chunk: SecretBuffer | SecretSlice, consumer: (bytes: Uint8Array) => T): T {
  if (chunk instanceof SecretBuffer) return chunk.use(consumer);
  const { of, start, end } = chunk;
  return of.use((bytes) => {
    if (start < 0 || end > bytes.length) throw refused('a secret is shorter than what is to be sent of it');
    return consumer(bytes.subarray(start, end));
  });
}

function lengthOfDigits(bytes: Uint8Array): number {
  const isDigit = (byte: number): boolean => byte >= ASCII_ZERO && byte <= ASCII_NINE;
  if (bytes.length === 0 || !bytes.every(isDigit)) throw refused('a secret in a body is digits');
  return bytes.length;
}

function refused(message: string): HushtoneError {
  return new HushtoneError('request_body', 'internal', message);
}
