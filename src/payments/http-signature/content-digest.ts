import { createHash } from 'node:crypto';

/** RFC 9530 section 5: the two that are active. */
export const DIGEST_ALGORITHMS = ['sha-256', 'sha-512'] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

const HASHES = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const;

/** The value of `content-digest` (RFC 9530 section 2): a dictionary of one byte sequence. */
export function contentDigest(algorithm: DigestAlgorithm, content: string | Uint8Array): string {
  return `${algorithm}=:${createHash(HASHES[algorithm]).update(content).digest('base64')}:`;
}
