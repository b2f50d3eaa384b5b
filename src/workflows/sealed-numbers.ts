import type { Logger } from '../kernel/logger.ts';
import { SecretBuffer } from '../secrets/secret-buffer.ts';
import type { KeyRing, SealContext, SealedValue } from '../vault/contract.ts';
import type { EarlierNumbers } from './earlier-numbers.ts';
import type { NumberOwner, StoredNumber } from './stored-number.ts';

const PURPOSE = 'phone_numbers';

/** The first byte of a number under the key ring; then the key's name, the wrapped data key and the ciphertext. */
const VERSION = 2;
const KEY_ID_BYTES = 30;
const WRAPPED_KEY_BYTES = 40;
const HEADER_BYTES = 1 + KEY_ID_BYTES + WRAPPED_KEY_BYTES;

export interface SealedNumbersOptions {
  readonly keyRing: KeyRing;
  /** Opens and finds what was stored before there was a key ring. */
  readonly earlier?: EarlierNumbers;
  readonly logger: Logger;
}

const contextOf = ({ accountId, callId }: NumberOwner): SealContext => ({
  accountId,
  recordId: callId,
  field: 'caller_number',
  version: 1,
});

/** Version 2 as bytes: the database's copy. */
function encode({ keyId, wrappedKey, ciphertext }: SealedValue): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(keyId, 'latin1'), wrappedKey, ciphertext]);
}

function decode(bytes: Buffer): SealedValue | undefined {
  if (bytes[0] !== VERSION || bytes.length < HEADER_BYTES) return undefined;
  return {
    keyId: bytes.toString('latin1', 1, 1 + KEY_ID_BYTES),
    wrappedKey: bytes.subarray(1 + KEY_ID_BYTES, HEADER_BYTES),
    ciphertext: bytes.subarray(HEADER_BYTES),
  };
}

function secretOf(text: string): SecretBuffer {
  const bytes = Buffer.from(text);
  const secret = new SecretBuffer(Math.max(bytes.length, 1));
  secret.appendBytes(bytes);
  return secret;
}

/** What the index is a MAC of. No part can run over into the next: an account's name holds no separator. */
const indexed = (number: string, accountId: string): SecretBuffer =>
  secretOf(`number\0${accountId}\0${number}`);

/** Seals and opens numbers that are normalized already. Rejects as the key ring does. */
export class SealedNumbers {
  readonly #options: SealedNumbersOptions;

  constructor(options: SealedNumbersOptions) {
    this.#options = options;
  }

  /** The number and its index under one key, whatever is rotated meanwhile: so both are moved together. */
  async seal(number: string, owner: NumberOwner): Promise<StoredNumber> {
    const { keyRing } = this.#options;
    using text = secretOf(number);
    using message = indexed(number, owner.accountId);
    for (;;) {
      const sealed = await keyRing.seal(PURPOSE, contextOf(owner), text);
      const { keyId, mac } = await keyRing.mac(PURPOSE, message);
      if (keyId === sealed.keyId) return { sealed: encode(sealed), index: mac };
    }
  }

  /** Undefined when it does not open, for whatever reason, which is logged. */
  async open(bytes: Buffer, owner: NumberOwner): Promise<string | undefined> {
    const { keyRing, earlier, logger } = this.#options;
    const sealed = decode(bytes);
    if (sealed === undefined) return earlier?.open(bytes, owner);
    try {
      using text = await keyRing.open(PURPOSE, contextOf(owner), sealed);
      return text.use((content) => Buffer.from(content).toString());
    } catch (error) {
      logger.warn("a caller's number does not open", { callId: owner.callId, error });
      return undefined;
    }
  }

  /** Under every key that a number may be stored under. */
  async indexes(number: string, accountId: string): Promise<Buffer[]> {
    const { keyRing, earlier } = this.#options;
    using message = indexed(number, accountId);
    const macs = await keyRing.macs(PURPOSE, message);
    return [...macs.map(({ mac }) => mac), ...(earlier ? [earlier.index(number, accountId)] : [])];
  }
}
