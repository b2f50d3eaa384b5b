import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprintOf, keyDigestOf } from '../../../src/workflows/idempotency.ts';

const REQUEST = {
  key: 'order-1001',
  operation: 'createCapture',
  method: 'POST',
  path: '/v1/captures',
  body: { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } },
};

const OWNER = { clientId: 'crm', subject: 'agent-1' };

describe('the fingerprint of a request', () => {
  test('is 32 bytes that anybody with the key comes to', () => {
    // HMAC-SHA-256, as any other implementation has it:
    // printf '["POST","/v1/captures",{"amount":{"currency":"EUR","value":4200},"purpose":"charge"}]' |
    //   openssl dgst -sha256 -hmac order-1001
    expect(fingerprintOf(REQUEST).toString('hex')).toBe(
      'f67fd2b504ddaec05469392b2dd805ddbbd351ff92d25ebfa7f240accfdcd76a',
    );
  });

  test('does not know the order of members', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 })),
        (members) => {
          const turned = Object.fromEntries(Object.entries(members).toReversed());
          const of = (body: unknown): string => fingerprintOf({ ...REQUEST, body }).toString('hex');
          expect(of(turned)).toBe(of(members));
        },
      ),
    );
  });

  test.each([
    ['the method', { method: 'PUT' }],
    ['the path', { path: '/v1/grants' }],
    ['a value', { body: { ...REQUEST.body, purpose: 'authorize' } }],
    ['a member more', { body: { ...REQUEST.body, reference: 'x' } }],
    ['the body', { body: undefined }],
    ['the key', { key: 'order-1002' }],
  ])('differs with %s', (_what, change) => {
    expect(fingerprintOf({ ...REQUEST, ...change })).not.toEqual(fingerprintOf(REQUEST));
  });

  test.each([
    ['a lone surrogate', { reference: '\ud800' }],
    ['an infinite number', { amount: JSON.parse('1e999') as number }],
  ])('is refused for %s', (_what, body) => {
    expect(() => fingerprintOf({ ...REQUEST, body })).toThrow(
      expect.objectContaining({ code: 'request_invalid', kind: 'invalid' }),
    );
  });
});

describe('the digest of a key', () => {
  test('is the same for the same owner', () => {
    expect(keyDigestOf({ ...OWNER }, 'k')).toEqual(keyDigestOf(OWNER, 'k'));
    expect(keyDigestOf(OWNER, 'k')).toHaveLength(32);
  });

  test.each([
    ['client', { ...OWNER, clientId: 'desk' }],
    ['subject', { ...OWNER, subject: 'agent-2' }],
    ['grant', { ...OWNER, grantId: 'gnt_1' }],
  ])('differs with the %s', (_what, other) => {
    expect(keyDigestOf(other, 'k')).not.toEqual(keyDigestOf(OWNER, 'k'));
  });

  test('differs with the key', () => {
    expect(keyDigestOf(OWNER, 'k')).not.toEqual(keyDigestOf(OWNER, 'K'));
  });
});
