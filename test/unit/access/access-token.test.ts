import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  createTokenVerifier,
  issueToken,
  LONGEST_TOKEN_SECONDS,
  type TokenRequest,
} from '../../../src/access/access-token.ts';
import { createKeyRing } from '../../../src/access/signing-keys.ts';
import { HandClock } from '../../support/hand-clock.ts';

const newKey = () => generateKeyPairSync('ed25519').privateKey;
const clock = new HandClock();
const seconds = () => Math.floor(clock.now().getTime() / 1000);
const key = newKey();
const issuer = { issuer: 'https://gateway.test', audience: 'hushtone', keys: createKeyRing(key) };
const verify = createTokenVerifier(issuer, clock);

const REQUEST: TokenRequest = {
  accountId: 'acc_a',
  subject: 'agent-1',
  clientId: 'crm',
  roles: ['agent', 'supervisor'],
  scopes: ['captures:read', 'captures:write'],
};

const refused = expect.objectContaining({ code: 'token_invalid', kind: 'unauthenticated' }) as Error;

const CLAIMS = () => ({
  iss: issuer.issuer,
  aud: issuer.audience,
  sub: 'agent-1',
  client_id: 'crm',
  account_id: 'acc_a',
  roles: ['agent'],
  scope: 'captures:read',
  jti: 'one',
  iat: seconds(),
  exp: seconds() + 600,
});

async function forged(claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> {
  return await new SignJWT({ ...CLAIMS(), ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: issuer.keys.current.kid, ...header })
    .sign(key);
}

describe('an access token', () => {
  it('tells who acts, and as what', async () => {
    const token = await issueToken(issuer, { ...REQUEST, grantId: 'gnt_1' }, clock);
    expect(await verify(token)).toEqual({
      accountId: 'acc_a',
      subject: 'agent-1',
      clientId: 'crm',
      roles: ['agent', 'supervisor'],
      scopes: new Set(['captures:read', 'captures:write']),
      grantId: 'gnt_1',
    });
  });

  it('lasts ten minutes and the half minute by which clocks may differ', async () => {
    const token = await issueToken(issuer, REQUEST, clock);
    clock.pass(600 + 29);
    await expect(verify(token)).resolves.toBeDefined();
    clock.pass(2);
    await expect(verify(token)).rejects.toEqual(refused);
  });

  it.each([0, -1, 1.5, LONGEST_TOKEN_SECONDS + 1, Number.NaN])(
    'never lasts %d seconds',
    async (lifetimeSeconds) => {
      await expect(issueToken(issuer, { ...REQUEST, lifetimeSeconds }, clock)).rejects.toMatchObject({
        code: 'token_lifetime',
      });
    },
  );

  it.each([
    { accountId: '' },
    { accountId: '../etc' },
    { subject: '4242424242424242' },
    { clientId: 'x'.repeat(256) },
  ])('is not made out to %j', async (change) => {
    await expect(issueToken(issuer, { ...REQUEST, ...change }, clock)).rejects.toMatchObject({
      code: 'token_claims',
    });
  });

  it('gives no role to names that are none', async () => {
    const token = await forged({ roles: ['root', 'admin', 7] });
    await expect(verify(token)).resolves.toMatchObject({ roles: ['admin'] });
    await expect(verify(await forged({ roles: 'admin' }))).resolves.toMatchObject({ roles: [] });
    await expect(verify(await forged({ roles: undefined }))).resolves.toMatchObject({ roles: [] });
  });
});

describe('the change of the signing key', () => {
  it('leaves tokens of the old key valid until it is taken out, on instances before and after the change', async () => {
    const next = newKey();
    const rings = {
      before: createKeyRing(key, [next]),
      after: createKeyRing(next, [key]),
      atLast: createKeyRing(next),
    };
    const [old, fresh] = await Promise.all(
      [rings.before, rings.after].map((keys) => issueToken({ ...issuer, keys }, REQUEST, clock)),
    );
    for (const keys of [rings.before, rings.after]) {
      const check = createTokenVerifier({ ...issuer, keys }, clock);
      await expect(check(old ?? '')).resolves.toBeDefined();
      await expect(check(fresh ?? '')).resolves.toBeDefined();
    }
    const check = createTokenVerifier({ ...issuer, keys: rings.atLast }, clock);
    await expect(check(old ?? '')).rejects.toEqual(refused);
    await expect(check(fresh ?? '')).resolves.toBeDefined();
  });
});

describe('what is refused', () => {
  it.each<[string, JWTPayload]>([
    ['another issuer', { iss: 'https://elsewhere.test' }],
    ['another audience', { aud: 'someone' }],
    ['a token of the future', { nbf: seconds() + 3600 }],
    ['no expiry', { exp: undefined as never }],
    ['no time of issue', { iat: undefined as never }],
    ['no jti', { jti: undefined as never }],
    ['no client', { client_id: undefined }],
    ['an account that is no name', { account_id: '*' }],
    ['an account that is no text', { account_id: ['acc_a'] }],
    ['a subject like a card number', { sub: '4012001037141112' }],
    ['a grant that is no text', { grant_id: {} }],
  ])('%s', async (_what, claims) => {
    await expect(verify(await forged(claims))).rejects.toEqual(refused);
  });

  it.each<[string, Record<string, unknown>]>([
    ['the type of an ID token', { typ: 'JWT' }],
    ['no type', { typ: undefined }],
    ['no key name', { kid: undefined }],
    ['a key that nobody trusts', { kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k' }],
  ])('%s', async (_what, header) => {
    await expect(verify(await forged({}, header))).rejects.toEqual(refused);
  });

  it('a token without a signature', async () => {
    const token = new UnsecuredJWT(CLAIMS()).encode();
    await expect(verify(token)).rejects.toEqual(refused);
  });

  it('a token that is signed with the public key as a shared secret', async () => {
    const shown = issuer.keys.jwks.keys[0]?.x ?? '';
    for (const secret of [Buffer.from(shown), Buffer.from(shown, 'base64url'), randomBytes(32)]) {
      const token = await new SignJWT(CLAIMS())
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: issuer.keys.current.kid })
        .sign(createSecretKey(secret));
      await expect(verify(token)).rejects.toEqual(refused);
    }
  });

  it('a token of another key under the name of ours', async () => {
    const token = await new SignJWT(CLAIMS())
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: issuer.keys.current.kid })
      .sign(newKey());
    await expect(verify(token)).rejects.toEqual(refused);
  });

  it.each(['', 'x', 'a.b.c', '..', `${'A'.repeat(5000)}.e30.`])('%j', async (token) => {
    await expect(verify(token)).rejects.toEqual(refused);
  });
});

describe('a token that is bound to a certificate', () => {
  const certificateThumbprint = 'A'.repeat(43);

  it('is good for whoever shows it', async () => {
    const token = await issueToken(issuer, { ...REQUEST, certificateThumbprint }, clock);
    await expect(verify(token, { certificateThumbprint })).resolves.toBeDefined();
  });

  it('is good for nobody else', async () => {
    const token = await issueToken(issuer, { ...REQUEST, certificateThumbprint }, clock);
    for (const presented of [undefined, {}, { certificateThumbprint: 'B'.repeat(43) }]) {
      await expect(verify(token, presented)).rejects.toEqual(refused);
    }
  });

  it.each([null, 'x', {}, { jkt: 'x' }, { 'x5t#S256': 7 }, { 'x5t#S256': certificateThumbprint, jkt: 'x' }])(
    'is refused when it is bound by %j',
    async (cnf) => {
      const token = await forged({ cnf });
      await expect(verify(token, { certificateThumbprint })).rejects.toEqual(refused);
    },
  );

  it('is not needed: another token works with any certificate', async () => {
    const token = await issueToken(issuer, REQUEST, clock);
    await expect(verify(token, { certificateThumbprint })).resolves.toBeDefined();
  });
});
