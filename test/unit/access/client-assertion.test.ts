import { createSecretKey } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { claimedClientOf, verifyAssertion } from '../../../src/access/client-assertion.ts';
import { readClientKeys } from '../../../src/access/client-keys.ts';
import { ISSUER, TOKEN_URL } from '../../support/token-request.ts';
import { assertionOf, newKeyPair, type AssertionChanges } from '../../support/client-assertion.ts';

const CLIENT_ID = 'cli_00000000000000000000000000';
const now = new Date('2026-03-01T12:00:00Z');
const seconds = now.getTime() / 1000;
const edwards = newKeyPair('EdDSA');
const rsa = newKeyPair('PS256');
const keys = readClientKeys({ keys: [edwards.jwk, rsa.jwk] });
const expected = { clientId: CLIENT_ID, keys, audiences: [ISSUER, TOKEN_URL], now };

const verify = async (changes: AssertionChanges = {}, pair = edwards) =>
  await verifyAssertion(await assertionOf(CLIENT_ID, pair, now, changes), expected);
const refused = { code: 'client_assertion_invalid', kind: 'unauthenticated' };

describe('an assertion', () => {
  it('proves who sent it', async () => {
    const proven = await verify();
    expect(proven.jtiHash).toHaveLength(32);
    expect(proven.expiresAt.getTime()).toBeGreaterThanOrEqual((seconds + 60 + 30) * 1000);
  });

  it('may live five minutes, and may have clocks that differ by half a minute', async () => {
    await expect(verify({ claims: { exp: seconds + 330 } })).resolves.toBeDefined();
    await expect(verify({ claims: { exp: seconds - 29, iat: seconds - 60 } })).resolves.toBeDefined();
    await expect(verify({ claims: { iat: seconds + 30 } })).resolves.toBeDefined();
  });

  it('may leave the name of the key out when there is one only', async () => {
    const assertion = await assertionOf(CLIENT_ID, edwards, now, { header: { kid: undefined as never } });
    await expect(verifyAssertion(assertion, expected)).rejects.toMatchObject(refused);
    const [first] = keys;
    const alone = { ...expected, keys: first ? [first] : [] };
    await expect(verifyAssertion(assertion, alone)).resolves.toBeDefined();
  });

  it.each<[string, AssertionChanges]>([
    ['lives longer than five minutes', { claims: { exp: seconds + 331 } }],
    ['has run out', { claims: { exp: seconds - 31 } }],
    ['does not run out', { claims: { exp: undefined as never } }],
    ['is from the future', { claims: { iat: seconds + 31 } }],
    ['is not yet valid', { claims: { nbf: seconds + 60 } }],
    ['is for another server', { claims: { aud: 'https://elsewhere.test' } }],
    ['is for another server too', { claims: { aud: [TOKEN_URL, 'https://elsewhere.test'] } }],
    ['is for nobody', { claims: { aud: undefined as never } }],
    ['is by another issuer', { claims: { iss: 'cli_11111111111111111111111111' } }],
    ['is about another client', { claims: { sub: 'cli_11111111111111111111111111' } }],
    ['has no jti', { claims: { jti: undefined as never } }],
    ['has an empty jti', { claims: { jti: '' } }],
    ['has a jti that is no text', { claims: { jti: 7 as never } }],
    ['has a jti without an end', { claims: { jti: 'x'.repeat(256) } }],
    ['names a key that the client has not', { header: { kid: 'another' } }],
    ['names the key of another algorithm', { header: { kid: 'PS256' } }],
  ])('is refused when it %s', async (_what, changes) => {
    await expect(verify(changes)).rejects.toMatchObject(refused);
  });

  it('is refused with the older padding of RSA', async () => {
    await expect(verify({ header: { alg: 'RS256' } }, rsa)).rejects.toMatchObject(refused);
  });

  it('is refused when another key has signed it', async () => {
    await expect(verify({}, newKeyPair('EdDSA'))).rejects.toMatchObject(refused);
  });

  it('is refused without a signature, and with the public key as a shared secret', async () => {
    const claims = { iss: CLIENT_ID, sub: CLIENT_ID, aud: TOKEN_URL, jti: 'x', exp: seconds + 60 };
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'EdDSA' })
      .sign(createSecretKey(Buffer.from(String(edwards.jwk['x']))));
    for (const assertion of [new UnsecuredJWT(claims).encode(), shared, '', 'a.b.c']) {
      await expect(verifyAssertion(assertion, expected)).rejects.toMatchObject(refused);
    }
  });

  it('is refused when the client has no key', async () => {
    const assertion = await assertionOf(CLIENT_ID, edwards, now);
    await expect(verifyAssertion(assertion, { ...expected, keys: [] })).rejects.toMatchObject(refused);
  });
});

describe('who an assertion says it is from', () => {
  it('is its subject', async () => {
    expect(claimedClientOf(await assertionOf(CLIENT_ID, edwards, now))).toBe(CLIENT_ID);
  });

  it('is nobody for what is no JWT, has no subject, or is too long to be one', async () => {
    const nobody = await assertionOf(CLIENT_ID, edwards, now, { claims: { sub: undefined as never } });
    const long = await assertionOf(CLIENT_ID, edwards, now, { claims: { note: 'x'.repeat(4096) } });
    for (const text of ['', 'x', 'a.b.c', nobody, long]) expect(claimedClientOf(text)).toBeUndefined();
  });
});
