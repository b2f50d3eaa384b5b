import { HushtoneError } from '../../../kernel/errors.ts';
import type { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import type { KeyProvider, KeyPurpose } from '../../contract.ts';
import { DATA_KEY_BYTES, WRAPPED_KEY_BYTES } from '../../sealing/key-wrap.ts';
import { randomSecret, takeSecret } from '../../sealing/random-secret.ts';
import { KEY_BYTES, keyExists, keyNotFound } from '../software-keys.ts';
import { CKA, CKK, CKM, CKO_SECRET_KEY, returnValueOf, type Attribute, type Cryptoki } from './cryptoki.ts';
import { TokenSession, type TokenOptions } from './token-session.ts';

const MAC_BYTES = 32;
/** How many keys a search reads at once, and how often. */
const FOUND_AT_ONCE = 100;

/** What a token says of a wrapped key that fails its integrity check. */
const NOT_WRAPPED_BY_IT = new Set([
  'CKR_WRAPPED_KEY_INVALID',
  'CKR_WRAPPED_KEY_LEN_RANGE',
  'CKR_ENCRYPTED_DATA_INVALID',
  'CKR_ENCRYPTED_DATA_LEN_RANGE',
]);

/** NIST SP 800-57 Part 1, 5.2: one object wraps, another makes MACs. They have the key's id in common. */
type Use = 'key wrap' | 'hmac';

const TYPE_OF: Record<Use, number> = { 'key wrap': CKK.AES, hmac: CKK.GENERIC_SECRET };

/** A view of the secret's own memory: not a copy. */
const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Made inside the token, and never outside of it. */
function templateOf(id: string, purpose: KeyPurpose, use: Use): Attribute[] {
  const wraps = use === 'key wrap';
  return [
    { type: CKA.CLASS, value: CKO_SECRET_KEY },
    { type: CKA.KEY_TYPE, value: TYPE_OF[use] },
    { type: CKA.VALUE_LEN, value: KEY_BYTES },
    { type: CKA.LABEL, value: labelOf(purpose, use) },
    { type: CKA.ID, value: Buffer.from(id) },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    { type: CKA.MODIFIABLE, value: false },
    { type: CKA.ENCRYPT, value: false },
    { type: CKA.DECRYPT, value: false },
    { type: CKA.DERIVE, value: false },
    { type: CKA.WRAP, value: wraps },
    { type: CKA.UNWRAP, value: wraps },
    { type: CKA.SIGN, value: !wraps },
    { type: CKA.VERIFY, value: false },
  ];
}

const labelOf = (purpose: KeyPurpose, use: Use): string => `hushtone ${purpose} ${use}`;

/** A data key on its way in or out: in the session only, for as long as the call takes. */
const DATA_KEY_TEMPLATE: readonly Attribute[] = [
  { type: CKA.CLASS, value: CKO_SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
  { type: CKA.TOKEN, value: false },
  { type: CKA.PRIVATE, value: true },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
];

function findAll(cryptoki: Cryptoki, session: Buffer, template: readonly Attribute[]): Buffer[] {
  const found: Buffer[] = [];
  cryptoki.C_FindObjectsInit(session, template);
  try {
    for (;;) {
      const some = cryptoki.C_FindObjects(session, FOUND_AT_ONCE);
      found.push(...some);
      if (some.length === 0) return found;
    }
  } finally {
    cryptoki.C_FindObjectsFinal(session);
  }
}

/**
 * An object of that name that only the user of the token can have put there, and that nobody can read. PKCS#11 2.40,
 * 6.7.1: without the PIN anyone may add objects that are not private, under any name, of a value that he knows.
 */
function find(cryptoki: Cryptoki, session: Buffer, id: string, use: Use): Buffer | undefined {
  const [object, another] = findAll(cryptoki, session, [
    { type: CKA.CLASS, value: CKO_SECRET_KEY },
    { type: CKA.KEY_TYPE, value: TYPE_OF[use] },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    { type: CKA.ID, value: Buffer.from(id) },
  ]);
  if (another === undefined) return object;
  throw new HushtoneError(
    'key_ambiguous',
    'unavailable',
    `the PKCS#11 token has more than one key ${id} (${use}): which is the right one cannot be told`,
  );
}

function findOrRefuse(cryptoki: Cryptoki, session: Buffer, id: string, use: Use): Buffer {
  const object = find(cryptoki, session, id, use);
  if (object === undefined) throw keyNotFound(id);
  return object;
}

function wrapBytes(cryptoki: Cryptoki, session: Buffer, key: Buffer, dataKey: SecretBuffer): Buffer {
  const object = dataKey.use((bytes) =>
    cryptoki.C_CreateObject(session, [...DATA_KEY_TEMPLATE, { type: CKA.VALUE, value: viewOf(bytes) }]),
  );
  try {
    const output = Buffer.alloc(WRAPPED_KEY_BYTES);
    return Buffer.from(cryptoki.C_WrapKey(session, { mechanism: CKM.AES_KEY_WRAP }, key, object, output));
  } finally {
    cryptoki.C_DestroyObject(session, object);
  }
}

function unwrapToObject(cryptoki: Cryptoki, session: Buffer, key: Buffer, wrapped: Uint8Array): Buffer {
  const mechanism = { mechanism: CKM.AES_KEY_WRAP };
  return cryptoki.C_UnwrapKey(session, mechanism, key, Buffer.from(wrapped), DATA_KEY_TEMPLATE);
}

/**
 * SoftHSM says CKR_GENERAL_ERROR of a failed integrity check, and others say it of a broken token: a key that unwraps
 * what it has just wrapped is not broken. What does not open must not be taken for a token that is away, nor the other
 * way round.
 */
function works(cryptoki: Cryptoki, session: Buffer, key: Buffer): boolean {
  using probe = randomSecret(DATA_KEY_BYTES);
  try {
    const wrapped = wrapBytes(cryptoki, session, key, probe);
    cryptoki.C_DestroyObject(session, unwrapToObject(cryptoki, session, key, wrapped));
    return true;
  } catch {
    return false;
  }
}

function unwrapFailed(cause?: unknown): HushtoneError {
  return new HushtoneError('unwrap_failed', 'internal', 'a wrapped key does not open with this key', {
    cause,
  });
}

/** Keys inside a PKCS#11 token: wrapping, unwrapping and MACs happen there. */
class Pkcs11KeyProvider implements KeyProvider {
  readonly name = 'pkcs11';
  readonly #token: TokenSession;

  constructor(token: TokenSession) {
    this.#token = token;
  }

  async generate(id: string, purpose: KeyPurpose): Promise<void> {
    await this.#token.run((cryptoki, session) => {
      if (find(cryptoki, session, id, 'key wrap') !== undefined) throw keyExists(id);
      const make = (mechanism: number, use: Use): Buffer =>
        cryptoki.C_GenerateKey(session, { mechanism }, templateOf(id, purpose, use));
      const wrapping = make(CKM.AES_KEY_GEN, 'key wrap');
      try {
        make(CKM.GENERIC_SECRET_KEY_GEN, 'hmac');
      } catch (error) {
        cryptoki.C_DestroyObject(session, wrapping);
        throw error;
      }
    });
  }

  async has(id: string): Promise<boolean> {
    return await this.#token.run(
      (cryptoki, session) =>
        find(cryptoki, session, id, 'key wrap') !== undefined &&
        find(cryptoki, session, id, 'hmac') !== undefined,
    );
  }

  async ids(purpose: KeyPurpose): Promise<readonly string[]> {
    return await this.#token.run((cryptoki, session) => {
      // Made last: where it is, the other is.
      const objects = findAll(cryptoki, session, [
        { type: CKA.CLASS, value: CKO_SECRET_KEY },
        { type: CKA.TOKEN, value: true },
        { type: CKA.PRIVATE, value: true },
        { type: CKA.SENSITIVE, value: true },
        { type: CKA.EXTRACTABLE, value: false },
        { type: CKA.LABEL, value: labelOf(purpose, 'hmac') },
      ]);
      return objects.map((object) => {
        const [id] = cryptoki.C_GetAttributeValue(session, object, [{ type: CKA.ID }]);
        return id?.value.toString() ?? '';
      });
    });
  }

  async wrap(id: string, dataKey: SecretBuffer): Promise<Buffer> {
    return await this.#token.run((cryptoki, session) => {
      const key = findOrRefuse(cryptoki, session, id, 'key wrap');
      return wrapBytes(cryptoki, session, key, dataKey);
    });
  }

  async unwrap(id: string, wrapped: Uint8Array): Promise<SecretBuffer> {
    if (wrapped.length !== WRAPPED_KEY_BYTES) throw unwrapFailed();
    return await this.#token.run((cryptoki, session) => {
      const key = findOrRefuse(cryptoki, session, id, 'key wrap');
      let object: Buffer;
      try {
        object = unwrapToObject(cryptoki, session, key, wrapped);
      } catch (cause) {
        const value = returnValueOf(cause) ?? '';
        const refused = NOT_WRAPPED_BY_IT.has(value);
        if (refused || (value === 'CKR_GENERAL_ERROR' && works(cryptoki, session, key))) {
          throw unwrapFailed(cause);
        }
        throw cause;
      }
      try {
        const [value] = cryptoki.C_GetAttributeValue(session, object, [{ type: CKA.VALUE }]);
        if (value === undefined)
          throw new HushtoneError('key_provider_unavailable', 'unavailable', 'PKCS#11: no value');
        return takeSecret(value.value);
      } finally {
        cryptoki.C_DestroyObject(session, object);
      }
    });
  }

  async mac(id: string, message: SecretBuffer): Promise<Buffer> {
    return await this.#token.run((cryptoki, session) => {
      const key = findOrRefuse(cryptoki, session, id, 'hmac');
      return message.use((bytes) => {
        // Inside: what was begun and is not ended would keep every later MAC from being begun.
        cryptoki.C_SignInit(session, { mechanism: CKM.SHA256_HMAC }, key);
        return Buffer.from(cryptoki.C_Sign(session, viewOf(bytes), Buffer.alloc(MAC_BYTES)));
      });
    });
  }

  async destroy(id: string): Promise<void> {
    await this.#token.run((cryptoki, session) => {
      for (const use of ['hmac', 'key wrap'] as const) {
        const object = find(cryptoki, session, id, use);
        if (object !== undefined) cryptoki.C_DestroyObject(session, object);
      }
    });
  }

  close(): Promise<void> {
    this.#token.close();
    return Promise.resolve();
  }
}

/** Rejects as `TokenSession.open` does. */
export async function openPkcs11Keys(options: TokenOptions): Promise<KeyProvider> {
  return new Pkcs11KeyProvider(await TokenSession.open(options));
}
