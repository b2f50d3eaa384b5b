/** What mod_audio_fork sends on a listen socket: one metadata text, then audio in binary and a text a digit. */

/** `pressMs` is how long the key was held. `key` is the RFC 4733 event code. */
export interface KeyFrame {
  readonly key: number;
  readonly pressMs: number;
}

/** Metadata frames are about 700 bytes, digit frames 50. */
export const LARGEST_LISTEN_TEXT_BYTES = 16 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const BRACE = 0x7d;
const SPACE = 0x20;
const SAMPLES_PER_MS = 8;
const KEYS = '0123456789*#ABCD';
/** Longer than any press; keeps a forged number out of the timeline. */
const LONGEST_PRESS_MS = 60_000;

const EVENT = Buffer.from('event');
const DTMF = Buffer.from('dtmf');
const DURATION = Buffer.from('duration');

/** The end of the JSON string that starts after `start`'s quote, or -1. Escapes do not occur in these frames. */
function stringEnd(frame: Buffer, start: number): number {
  for (let at = start; at < frame.length; at += 1) {
    if (frame[at] === BACKSLASH) return -1;
    if (frame[at] === QUOTE) return at;
  }
  return -1;
}

function isAt(frame: Buffer, start: number, end: number, text: Buffer): boolean {
  return end - start === text.length && frame.compare(text, 0, text.length, start, end) === 0;
}

function keyAt(frame: Buffer, start: number, end: number): number {
  if (end - start !== 1) return -1;
  for (let key = 0; key < KEYS.length; key += 1) {
    if (KEYS.charCodeAt(key) === (frame[start] ?? 0)) return key;
    if (key >= 12 && KEYS.charCodeAt(key) + 0x20 === (frame[start] ?? 0)) return key; // a–d
  }
  return -1;
}

function numberAt(frame: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (frame[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = Math.min(value * 10 + digit, Number.MAX_SAFE_INTEGER / 16);
  }
  return start === end ? -1 : value;
}

/** The bounds of the string or bare value after a name, and where to go on: [start, end, next]. */
function valueAfter(frame: Buffer, from: number): readonly [number, number, number] | undefined {
  const colon = frame.indexOf(COLON, from);
  if (colon === -1) return undefined;
  let start = colon + 1;
  while (frame[start] === SPACE) start += 1;
  if (frame[start] === QUOTE) {
    const end = stringEnd(frame, start + 1);
    return end === -1 ? undefined : [start + 1, end, end + 1];
  }
  let end = start;
  while (end < frame.length && frame[end] !== COMMA && frame[end] !== BRACE && frame[end] !== SPACE) end += 1;
  return [start, end, end];
}

/**
 * Reads a digit frame, `{"event":"dtmf","dtmf":"4","duration":"800"}` with the duration in 8 kHz units, byte by byte:
 * the digit never becomes part of a string or an object graph that outlives this call. Returns undefined for every
 * other text. Never throws.
 */
export function readKeyFrame(frame: Buffer): KeyFrame | undefined {
  let key = -1;
  let isDtmf = false;
  let duration = 0;
  let at = frame.indexOf(QUOTE);
  while (at !== -1) {
    const nameStart = at + 1;
    const nameEnd = stringEnd(frame, nameStart);
    if (nameEnd === -1) return undefined;
    const value = valueAfter(frame, nameEnd + 1);
    if (value === undefined) return undefined;
    const [start, end, next] = value;
    if (isAt(frame, nameStart, nameEnd, EVENT)) isDtmf = isAt(frame, start, end, DTMF);
    else if (isAt(frame, nameStart, nameEnd, DTMF)) key = keyAt(frame, start, end);
    else if (isAt(frame, nameStart, nameEnd, DURATION)) duration = numberAt(frame, start, end);
    at = frame.indexOf(QUOTE, next);
  }
  if (!isDtmf || key === -1 || duration < 0) return undefined;
  return { key, pressMs: Math.min(duration / SAMPLES_PER_MS, LONGEST_PRESS_MS) };
}

/**
 * Copies L16 audio (little endian, as FreeSWITCH writes on x86 and ARM) into `into` and zeroes the frame: it may hold
 * a tone. `channels` 2 takes the second channel, which is what the leg is given. Returns how many samples were copied
 * from `fromByte` on, at most `into.length`.
 */
export function takeSamples(frame: Buffer, fromByte: number, channels: 1 | 2, into: Int16Array): number {
  const stride = channels * 2;
  const count = Math.min(into.length, Math.floor((frame.length - fromByte) / stride));
  const offset = fromByte + stride - 2;
  for (let index = 0; index < count; index += 1) {
    into[index] = frame.readInt16LE(offset + index * stride);
  }
  frame.fill(0, fromByte, fromByte + count * stride);
  return count;
}
