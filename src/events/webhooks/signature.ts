import { createHmac, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** Standard Webhooks 1.0.0: `v1` is HMAC-SHA256, `v1a` is Ed25519. */
export type SignatureScheme = 'hmac-sha256' | 'ed25519';

/** 24 to 64 bytes are asked for; 32 is the output size of SHA-256. */
const SECRET_BYTES = 32;
/** The raw public key is the last 32 bytes of its SubjectPublicKeyInfo (RFC 8410 section 4). */
const ED25519_PUBLIC_BYTES = 32;

export interface SigningSecret {
  readonly scheme: SignatureScheme;
  /** The HMAC key, or the Ed25519 private key as PKCS#8 DER. */
  readonly key: Buffer;
}

export interface NewSigningSecret extends SigningSecret {
  /** `whpk_…`, of an Ed25519 key. */
  readonly publicKey?: string;
}

export function newHmacSecret(): NewSigningSecret {
  return { scheme: 'hmac-sha256', key: randomBytes(SECRET_BYTES) };
}

export function newEd25519Secret(): NewSigningSecret {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return {
    scheme: 'ed25519',
    key: privateKey.export({ type: 'pkcs8', format: 'der' }),
    publicKey: `whpk_${spki.subarray(-ED25519_PUBLIC_BYTES).toString('base64')}`,
  };
}

/** As the receiver keeps it: `whsec_` and the key in base64. */
export function secretText(key: Buffer): string {
  return `whsec_${key.toString('base64')}`;
}

export interface Message {
  /** The same for every attempt at the same event, so that a receiver can tell a repeat. No full stop in it. */
  readonly id: string;
  readonly timestamp: Date;
  readonly body: string;
}

export interface SignedHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/** The three headers, with one signature a secret: during a rotation the old and the new one. */
export function signMessage(message: Message, secrets: readonly SigningSecret[]): SignedHeaders {
  const timestamp = String(Math.floor(message.timestamp.getTime() / 1000));
  const signed = Buffer.from(`${message.id}.${timestamp}.${message.body}`);
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => signatureOf(signed, secret)).join(' '),
  };
}

function signatureOf(signed: Buffer, { scheme, key }: SigningSecret): string {
  if (scheme === 'hmac-sha256') return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return `v1a,${sign(null, signed, privateKey).toString('base64')}`;
}
