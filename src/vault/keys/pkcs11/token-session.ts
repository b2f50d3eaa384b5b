import { readFile } from 'node:fs/promises';
import { HushtoneError } from '../../../kernel/errors.ts';
import type { Logger } from '../../../kernel/logger.ts';
import type { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { takeSecret } from '../../sealing/random-secret.ts';
import { CKF, CKU_USER, loadCryptoki, returnValueOf, type Cryptoki } from './cryptoki.ts';

export interface TokenOptions {
  /** The library of the token's maker. */
  readonly module: string;
  readonly tokenLabel: string;
  readonly pinFile: string;
  readonly logger: Logger;
}

/** PKCS#11 2.40, 5.1: what may be over when the session is opened anew. */
const LOST_SESSION = new Set([
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_SLOT_ID_INVALID',
  // Something was begun in it that never ended.
  'CKR_OPERATION_ACTIVE',
  // Handles of an earlier session, or of objects that the token has renumbered.
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_WRAPPING_KEY_HANDLE_INVALID',
  'CKR_UNWRAPPING_KEY_HANDLE_INVALID',
]);

/** PKCS#11 2.40, 5.6 (C_Login): each of these may count as one of the tries that a token allows. */
const REFUSED_PIN = new Set(['CKR_PIN_INCORRECT', 'CKR_PIN_INVALID', 'CKR_PIN_LEN_RANGE', 'CKR_PIN_LOCKED']);

/** The longest that any token takes is far shorter. */
const LONGEST_PIN_BYTES = 1024;

async function readPin(path: string): Promise<SecretBuffer> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new HushtoneError('pkcs11_pin_missing', 'unavailable', `the PIN file ${path} cannot be read`, {
      cause,
    });
  });
  try {
    // A line break may end it.
    let end = bytes.length;
    if (bytes[end - 1] === 0x0a) end -= 1;
    if (end < bytes.length && bytes[end - 1] === 0x0d) end -= 1;
    if (end <= LONGEST_PIN_BYTES) return takeSecret(bytes.subarray(0, end));
    throw new HushtoneError('pkcs11_pin_missing', 'unavailable', `there is no PIN in the PIN file ${path}`);
  } finally {
    bytes.fill(0);
  }
}

function unavailable(what: string, cause?: unknown): HushtoneError {
  return new HushtoneError('key_provider_unavailable', 'unavailable', `PKCS#11: ${what}`, { cause });
}

/** Labels are padded with blanks to 32 characters. */
const labelOf = (text: string): string => text.replaceAll('\0', '').trimEnd();

/**
 * One session with one token, logged in. The calls of the library are synchronous, hence one after the other; a
 * session that was lost is opened again, once for each piece of work.
 */
export class TokenSession {
  readonly #options: TokenOptions;
  readonly #cryptoki: Cryptoki;
  #session: Buffer | undefined;
  #opening: Promise<Buffer> | undefined;
  #closed = false;
  /** What the token has refused. A token locks itself after a few wrong PINs, and every call would try another time. */
  #refusedPin: SecretBuffer | undefined;

  private constructor(options: TokenOptions, cryptoki: Cryptoki) {
    this.#options = options;
    this.#cryptoki = cryptoki;
  }

  /**
   * Rejects with `pkcs11_not_installed`, `pkcs11_module_unusable`, `pkcs11_pin_missing`, or `key_provider_unavailable`
   * when there is no such token or the PIN is refused.
   */
  static async open(options: TokenOptions): Promise<TokenSession> {
    const opened = new TokenSession(options, await loadCryptoki(options.module));
    try {
      await opened.#open();
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /**
   * Runs `work` in the session. Rejects with what `work` throws: `key_provider_unavailable` for the token's own errors,
   * unless `work` makes something else of them.
   */
  async run<T>(work: (cryptoki: Cryptoki, session: Buffer) => T): Promise<T> {
    try {
      return work(this.#cryptoki, this.#session ?? (await this.#open()));
    } catch (error) {
      const value = returnValueOf(error);
      if (value === undefined || !LOST_SESSION.has(value)) throw readable(error);
      this.#options.logger.warn('the session with the PKCS#11 token was lost', { code: value });
      this.#forget();
    }
    try {
      return work(this.#cryptoki, await this.#open());
    } catch (error) {
      this.#forget();
      throw readable(error);
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    this.#refuse(undefined);
    try {
      this.#cryptoki.C_Finalize();
    } catch (error) {
      this.#options.logger.debug('the PKCS#11 module was over already', { error });
    }
    this.#cryptoki.close();
  }

  /** Work that comes while the session is opened waits for the same one. */
  async #open(): Promise<Buffer> {
    this.#opening ??= this.#openSession().finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  async #openSession(): Promise<Buffer> {
    const { tokenLabel, pinFile } = this.#options;
    if (this.#closed) throw unavailable('the provider is closed');
    using pin = await readPin(pinFile);
    if (this.#refusedPin?.equals(pin) === true) {
      throw unavailable(
        `the token has refused the PIN in ${pinFile}: it is not tried again until it is changed`,
      );
    }
    try {
      this.#initialize();
      const slot = this.#cryptoki
        .C_GetSlotList(true)
        .find((each) => labelOf(this.#cryptoki.C_GetTokenInfo(each).label) === tokenLabel);
      if (slot === undefined) throw unavailable(`there is no token with the label ${tokenLabel}`);
      const session = this.#cryptoki.C_OpenSession(slot, CKF.RW_SESSION | CKF.SERIAL_SESSION);
      try {
        this.#logIn(session, pin);
      } catch (error) {
        this.#cryptoki.C_CloseSession(session);
        throw error;
      }
      this.#session = session;
      return session;
    } catch (error) {
      throw readable(error);
    }
  }

  /** Another part of this process may use the same library. */
  #initialize(): void {
    try {
      this.#cryptoki.C_Initialize({ flags: CKF.OS_LOCKING_OK });
    } catch (error) {
      if (returnValueOf(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error;
    }
  }

  /** All sessions of a process with a token are logged in, or none (PKCS#11 2.40, 6.7.4). */
  #logIn(session: Buffer, pin: SecretBuffer): void {
    try {
      // The package takes text only: this copy is the collector's.
      pin.use((bytes) => this.#cryptoki.C_Login(session, CKU_USER, Buffer.from(bytes).toString()));
      this.#refuse(undefined);
    } catch (error) {
      const value = returnValueOf(error);
      if (value === 'CKR_USER_ALREADY_LOGGED_IN') return;
      if (value !== undefined && REFUSED_PIN.has(value)) this.#refuse(pin);
      if (value !== undefined) throw unavailable(`the token refuses the login (${value})`);
      throw error;
    }
  }

  #refuse(pin: SecretBuffer | undefined): void {
    this.#refusedPin?.wipe();
    this.#refusedPin = pin?.use((bytes) => takeSecret(Uint8Array.from(bytes)));
  }

  #forget(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    try {
      this.#cryptoki.C_CloseSession(session);
    } catch (error) {
      this.#options.logger.debug('the PKCS#11 session was over already', { error });
    }
  }
}

function readable(error: unknown): unknown {
  const value = returnValueOf(error);
  return value === undefined ? error : unavailable(`the token answers ${value}`, error);
}
