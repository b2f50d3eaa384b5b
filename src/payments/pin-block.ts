import { createCipheriv, randomFillSync, type KeyObject } from 'node:crypto';
import { HushtoneError } from '../kernel/errors.ts';
import type { SecretBuffer } from '../secrets/secret-buffer.ts';

/** ISO 9564-1, 9.4.6: a format 4 block is one AES block. */
export const PIN_BLOCK_BYTES = 16;

const SHORTEST_PIN = 4;
const LONGEST_PIN = 12;
const SHORTEST_PAN = 12;
const LONGEST_PAN = 19;

/** The control field of format 4, in the high nibble of the first byte. */
const FORMAT_4 = 0x40;
const FILL_NIBBLE = 0xa;
const NIBBLES_BEFORE_RANDOM = 16;

/** Both fields in one allocation. V8 keeps arrays of up to 64 bytes on its own heap and may copy them. */
const WORK_BYTES = 96;

export interface PinBlockInput {
  /** 4 to 12 ASCII digits. */
  readonly pin: SecretBuffer;
  /** The primary account number, 12 to 19 ASCII digits. */
  readonly cardNumber: SecretBuffer;
  /** An AES-128 or AES-256 key. */
  readonly key: KeyObject;
  /** Fills the eight random bytes of the PIN field. Injected only to reproduce published vectors. */
  readonly fillRandom?: (target: Uint8Array) => void;
}

/**
 * Enciphers a PIN as an ISO 9564-1 format 4 block: `AES(K, AES(K, PIN field) xor PAN field)`.
 *
 * The 16 bytes returned are ciphertext and hold no clear PIN. The clear fields exist only in memory outside V8's heap
 * for the length of the call and are wiped in every outcome. Throws `pin_block_invalid` when the PIN or the card
 * number has another length or is not digits, `pin_key_invalid` for a key of another size.
 */
export function encipherPinBlock(input: PinBlockInput): Buffer {
  const algorithm = aesAlgorithm(input.key);
  const fillRandom = input.fillRandom ?? ((target: Uint8Array) => void randomFillSync(target));
  const work = new Uint8Array(new ArrayBuffer(WORK_BYTES));
  const pinField = work.subarray(0, PIN_BLOCK_BYTES);
  const panField = work.subarray(PIN_BLOCK_BYTES, 2 * PIN_BLOCK_BYTES);
  try {
    input.pin.use((pin) => writePinField(pinField, pin, fillRandom));
    input.cardNumber.use((cardNumber) => writePanField(panField, cardNumber));
    // No padding: with it OpenSSL would hold the block back in a buffer of its own.
    const cipher = createCipheriv(algorithm, input.key, null).setAutoPadding(false);
    const intermediate = cipher.update(pinField);
    for (const [index, byte] of intermediate.entries()) panField[index] = (panField[index] ?? 0) ^ byte;
    intermediate.fill(0);
    return cipher.update(panField);
  } finally {
    work.fill(0);
  }
}

function aesAlgorithm(key: KeyObject): 'aes-128-ecb' | 'aes-256-ecb' {
  if (key.symmetricKeySize === 16) return 'aes-128-ecb';
  if (key.symmetricKeySize === 32) return 'aes-256-ecb';
  throw new HushtoneError('pin_key_invalid', 'internal', 'a PIN key must have 128 or 256 bits');
}

/** Control, length, the PIN, fill digits `A` up to 16 nibbles, then 8 random bytes. */
function writePinField(field: Uint8Array, pin: Uint8Array, fillRandom: (target: Uint8Array) => void): void {
  if (pin.length < SHORTEST_PIN || pin.length > LONGEST_PIN) {
    throw new HushtoneError('pin_block_invalid', 'invalid', 'a PIN must have 4 to 12 digits');
  }
  field[0] = FORMAT_4 | pin.length;
  for (let nibble = 2; nibble < NIBBLES_BEFORE_RANDOM; nibble += 1) {
    writeNibble(field, nibble, nibble - 2 < pin.length ? digitOf(pin[nibble - 2]) : FILL_NIBBLE);
  }
  fillRandom(field.subarray(NIBBLES_BEFORE_RANDOM / 2));
}

/** The number's length beyond 12, the number, zeros up to 32 nibbles. */
function writePanField(field: Uint8Array, cardNumber: Uint8Array): void {
  if (cardNumber.length < SHORTEST_PAN || cardNumber.length > LONGEST_PAN) {
    throw new HushtoneError('pin_block_invalid', 'invalid', 'a card number must have 12 to 19 digits');
  }
  writeNibble(field, 0, cardNumber.length - SHORTEST_PAN);
  for (let index = 0; index < cardNumber.length; index += 1) {
    writeNibble(field, index + 1, digitOf(cardNumber[index]));
  }
}

function digitOf(byte: number | undefined): number {
  if (byte === undefined || byte < 0x30 || byte > 0x39) {
    throw new HushtoneError('pin_block_invalid', 'invalid', 'a PIN and a card number are digits');
  }
  return byte - 0x30;
}

function writeNibble(field: Uint8Array, nibble: number, value: number): void {
  const index = nibble >> 1;
  const held = field[index] ?? 0;
  field[index] = nibble % 2 === 0 ? (held & 0x0f) | (value << 4) : (held & 0xf0) | value;
}
