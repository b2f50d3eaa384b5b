import { constants, createCipheriv, publicEncrypt, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { DoubleAnswer } from '../route.ts';

/** Encrypted to the gateway's public key, or signed with the provider's private one. */
export type AnswerKeys =
  | { readonly kind: 'jwe'; readonly publicKey: KeyObject }
  | { readonly kind: 'jws'; readonly privateKey: KeyObject };

/** Puts an answer into a JWE or a JWS, in the form in which requests come. Made with node:crypto alone. */
export function protect(
  { status, body }: DoubleAnswer,
  keys: AnswerKeys | undefined,
  { field }: { readonly field?: string },
): DoubleAnswer {
  if (keys === undefined) return { status, body };
  const text = JSON.stringify(body);
  const token = keys.kind === 'jwe' ? encrypted(text, keys.publicKey) : signed(text, keys.privateKey);
  return field === undefined
    ? { status, body: token, headers: { 'content-type': 'application/jose' } }
    : { status, body: { [field]: token } };
}

const encode = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64url');

/** RFC 7516 section 5.1, RSA-OAEP-256 and A256GCM. */
function encrypted(text: string, key: KeyObject): string {
  const header = encode(JSON.stringify({ alg: 'RSA-OAEP-256', enc: 'A256GCM' }));
  const contentKey = randomBytes(32);
  const wrapped = publicEncrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    contentKey,
  );
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv);
  cipher.setAAD(Buffer.from(header, 'ascii'));
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return [header, encode(wrapped), encode(iv), encode(ciphertext), encode(cipher.getAuthTag())].join('.');
}

/** RFC 7515 section 5.1, PS256. */
function signed(text: string, key: KeyObject): string {
  const input = `${encode(JSON.stringify({ alg: 'PS256' }))}.${encode(text)}`;
  const signature = sign('sha256', Buffer.from(input, 'ascii'), {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  return `${input}.${encode(signature)}`;
}
