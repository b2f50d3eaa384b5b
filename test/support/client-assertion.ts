import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { TOKEN_URL, type Form } from './token-request.ts';

export interface ClientKeyPair {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** A key pair as a client's own software makes it. */
export function newKeyPair(alg: 'EdDSA' | 'ES256' | 'PS256', kid: string = alg): ClientKeyPair {
  const { publicKey, privateKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid } };
}

export interface AssertionChanges {
  readonly claims?: JWTPayload;
  readonly header?: Partial<JWTHeaderParameters>;
}

/** An assertion that is right, but for the changes. A claim that is `undefined` is left out. */
export async function assertionOf(
  clientId: string,
  pair: Pick<ClientKeyPair, 'alg' | 'privateKey' | 'jwk'>,
  now: Date,
  { claims = {}, header = {} }: AssertionChanges = {},
): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  return await new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: TOKEN_URL,
    jti: randomUUID(),
    iat: seconds,
    exp: seconds + 60,
    ...claims,
  })
    .setProtectedHeader({ alg: pair.alg, kid: pair.jwk['kid'] as string, ...header })
    .sign(pair.privateKey);
}

export const assertionForm = (assertion: string, more: Form = {}): Form => ({
  grant_type: 'client_credentials',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: assertion,
  ...more,
});
