import { randomBytes } from 'node:crypto';
import { contentDigest } from '../http-signature/content-digest.ts';
import { signRequest } from '../http-signature/sign-request.ts';
import type { Signature } from './configuration.ts';

/** RFC 9421 section 7.2.2: unguessable, so that nobody makes one for later. */
const NONCE_BYTES = 16;

/** Headers that speak of a body: a request without one neither has nor covers them. */
const OF_THE_BODY: readonly string[] = [
  'content-type',
  'content-digest',
  'content-length',
  'content-encoding',
];

export interface UnsignedRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The headers that sign a request: `content-digest` of its body (RFC 9530), `signature-input` and `signature`. */
export function signatureHeaders(
  { method, url, headers, body }: UnsignedRequest,
  signature: Signature,
  now: Date,
): Record<string, string> {
  const digest = body === undefined ? {} : { 'content-digest': contentDigest(signature.digest, body) };
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const components = signature.components.filter(
    (component) => body !== undefined || !OF_THE_BODY.includes(component),
  );
  const signed = signRequest(
    { method, url, headers: { ...headers, ...digest, ...length } },
    {
      key: signature.key,
      components,
      parameters: {
        created: Math.floor(now.getTime() / 1000),
        keyId: signature.keyId,
        ...(signature.namesAlgorithm && { algorithm: signature.key.algorithm }),
        ...(signature.nonce && { nonce: randomBytes(NONCE_BYTES).toString('base64url') }),
        ...(signature.tag !== undefined && { tag: signature.tag }),
      },
      label: signature.label,
    },
  );
  return { ...digest, ...signed };
}
