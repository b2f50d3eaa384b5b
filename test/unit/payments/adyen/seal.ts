import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';

const hexToBase64url = (hex = ''): string =>
  Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');

/** A compact JWE made with node:crypto alone, to show that the double opens what others seal. */
export function seal(
  exponentAndModulus: string,
  payload: object,
  header: object = { alg: 'RSA-OAEP-256', enc: 'A256GCM', version: '1' },
): string {
  const [e, n] = exponentAndModulus.split('|').map(hexToBase64url);
  const key = createPublicKey({ key: { kty: 'RSA', ...(e && { e }), ...(n && { n }) }, format: 'jwk' });
  const contentKey = randomBytes(32);
  const wrapped = publicEncrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    contentKey,
  );
  const iv = randomBytes(12);
  const head = Buffer.from(JSON.stringify(header)).toString('base64url');
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv);
  cipher.setAAD(Buffer.from(head));
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(payload)), cipher.final()]);
  const parts = [wrapped, iv, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [head, ...parts].join('.');
}
