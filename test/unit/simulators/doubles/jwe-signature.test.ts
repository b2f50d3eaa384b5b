import { createPublicKey, createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  verifySignature,
  type KnownKey,
  type SignaturePolicy,
  type SignedMessage,
} from '../../../../simulators/doubles/jwe/signature.ts';
import {
  RFC_9421_CREATED,
  RFC_9421_KEYS,
  RFC_9421_REQUEST,
  RFC_9421_SIGNATURES,
} from '../../payments/http-signature/vectors.ts';

const KEYS = new Map<string, KnownKey>([
  [
    'test-key-rsa-pss',
    { algorithm: 'rsa-pss-sha512', key: createPublicKey(RFC_9421_KEYS['test-key-rsa-pss']) },
  ],
  ['test-key-ed25519', { algorithm: 'ed25519', key: createPublicKey(RFC_9421_KEYS['test-key-ed25519']) }],
  [
    'test-shared-secret',
    {
      algorithm: 'hmac-sha256',
      key: createSecretKey(Buffer.from(RFC_9421_KEYS['test-shared-secret'], 'base64')),
    },
  ],
]);
const POLICY: SignaturePolicy = { keys: KEYS, covered: [], freshnessSeconds: 300 };
const NOW = new Date(RFC_9421_CREATED * 1000 + 60_000);

const message = (
  vector: (typeof RFC_9421_SIGNATURES)[number],
  changes: Partial<SignedMessage> = {},
): SignedMessage => ({
  method: 'POST',
  target: RFC_9421_REQUEST.url.href,
  headers: {
    ...RFC_9421_REQUEST.headers,
    'signature-input': `sig=${vector.input}`,
    signature: `sig=:${vector.signature}:`,
  },
  body: Buffer.from('{"hello": "world"}'),
  ...changes,
});

describe('the double verifies signatures on its own', () => {
  it.each(RFC_9421_SIGNATURES)('as RFC 9421 has them: $name', (vector) => {
    expect(verifySignature(message(vector), POLICY, NOW)).toMatchObject({
      keyId: vector.keyId,
      created: RFC_9421_CREATED,
    });
  });

  it.each(RFC_9421_SIGNATURES.filter(({ components }) => components.length > 0))(
    'and refuses what was changed: $name',
    (vector) => {
      const { headers } = message(vector);
      const target = 'https://example.org/foo?param=Value&Pet=dog';
      expect(verifySignature(message(vector, { target }), POLICY, NOW)).toBe('the signature is wrong');
      const later = new Date(NOW.getTime() + 600_000);
      expect(verifySignature(message(vector), POLICY, later)).toBe('created is not now');
      const strict = { ...POLICY, covered: ['x-other'] };
      expect(verifySignature(message(vector), strict, NOW)).toBe('x-other is not covered');
      const body = Buffer.from('{"hello": "World"}');
      expect(verifySignature(message(vector, { body }), POLICY, NOW)).toBe('the content-digest is wrong');
      const strangers = { ...POLICY, keys: new Map() };
      expect(verifySignature(message(vector), strangers, NOW)).toBe('the keyid is not known');
      for (const name of ['signature', 'signature-input']) {
        const { [name]: _left, ...rest } = headers;
        expect(verifySignature(message(vector, { headers: rest }), POLICY, NOW)).toBe(
          `${name} is missing or malformed`,
        );
      }
    },
  );
});
