import { randomUUID } from 'node:crypto';
import {
  compactDecrypt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type CryptoKey,
  type JWK,
} from 'jose';
import { parseJsonObject } from './exchange.ts';
import { Problem } from './problem.ts';

/** An envelope older or newer than this is refused. */
const FRESHNESS_SECONDS = 5 * 60;

interface EnvelopeKey {
  readonly keyId: string;
  readonly publicJwk: JWK;
  readonly privateKey: CryptoKey;
}

/**
 * The RSA key pair that card details are sealed to. Only the newest key opens envelopes: one that is sealed to an
 * earlier key is refused with the code `unknown_key`, as after an emergency rotation.
 */
export class EnvelopeKeys {
  #current: EnvelopeKey;

  private constructor(current: EnvelopeKey) {
    this.#current = current;
  }

  static async generate(): Promise<EnvelopeKeys> {
    return new EnvelopeKeys(await generateKey());
  }

  async rotate(): Promise<void> {
    this.#current = await generateKey();
  }

  /** A JSON Web Key Set (RFC 7517). */
  publicKeys(): { keys: JWK[] } {
    return { keys: [this.#current.publicJwk] };
  }

  /** Opens an envelope to its JSON object. Throws a `Problem` with 400. */
  async open(envelope: string, now: Date): Promise<Record<string, unknown>> {
    const { keyId, privateKey } = this.#current;
    let header: ReturnType<typeof decodeProtectedHeader>;
    try {
      header = decodeProtectedHeader(envelope);
    } catch {
      throw new Problem(400, 'malformed_envelope', 'encrypted_card is not a compact JWE');
    }
    if (header.kid !== keyId) throw new Problem(400, 'unknown_key', 'encrypted_card names an unknown key');
    if (header.cty !== 'json') throw new Problem(400, 'malformed_envelope', 'cty must be json');
    requireFresh(header['iat'], now);
    let text: string;
    try {
      const { plaintext } = await compactDecrypt(envelope, privateKey, {
        keyManagementAlgorithms: ['RSA-OAEP-256'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      text = new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
    } catch {
      throw new Problem(400, 'malformed_envelope', 'encrypted_card cannot be opened');
    }
    return parseJsonObject(text, 'encrypted_card');
  }
}

function requireFresh(issuedAt: unknown, now: Date): void {
  if (typeof issuedAt !== 'number' || !Number.isInteger(issuedAt)) {
    throw new Problem(400, 'malformed_envelope', 'iat must be whole seconds');
  }
  if (Math.abs(now.getTime() / 1000 - issuedAt) > FRESHNESS_SECONDS) {
    throw new Problem(400, 'stale_envelope', 'encrypted_card was not sealed within the last five minutes');
  }
}

async function generateKey(): Promise<EnvelopeKey> {
  const { publicKey, privateKey } = await generateKeyPair('RSA-OAEP-256', {
    modulusLength: 2048,
    extractable: true,
  });
  const keyId = randomUUID();
  const { kty, n, e } = (await exportJWK(publicKey)) as { kty: string; n: string; e: string };
  return { keyId, privateKey, publicJwk: { kty, n, e, kid: keyId, use: 'enc', alg: 'RSA-OAEP-256' } };
}
