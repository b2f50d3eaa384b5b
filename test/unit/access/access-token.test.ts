import { createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  createTokenVerifier,
  issueToken,
  LONGEST_TOKEN_SECONDS,
  readSigningKey,
  type TokenIssuer,
  type TokenRequest,
} from '../../../src/access/access-token.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const keyOf = (): KeyObject => generateKeyPairSync('ed25519').privateKey;
const ISSUER: TokenIssuer = { issuer: 'hushtone', audience: 'hushtone-api', signingKey: keyOf() };
const REQUEST: TokenRequest = {
  accountId: 'acme',
  subject: 'agent-1',
  clientId: 'crm',
  scopes: ['captures:write', 'captures:read'],
};
const SKEW_SECONDS = 30;

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token by hand, so that it can be wrong in any way. */
function forge(
  clock: ManualClock,
  change: {
    header?: Record<string, unknown>;
    claims?: Record<string, unknown>;
    seal?: (input: Buffer) => Buffer;
  } = {},
): string {
  const now = Math.floor(clock.now().getTime() / 1000);
  const header = { alg: 'EdDSA', typ: 'at+jwt', ...change.header };
  const claims = {
    iss: ISSUER.issuer,
    aud: ISSUER.audience,
    sub: 'agent-1',
    client_id: 'crm',
    account_id: 'acme',
    scope: 'captures:read',
    jti: 'one',
    iat: now,
    exp: now + 600,
    ...change.claims,
  };
  const input = `${base64url(header)}.${base64url(claims)}`;
  const seal = change.seal ?? ((bytes: Buffer) => sign(null, bytes, ISSUER.signingKey));
  return `${input}.${seal(Buffer.from(input)).toString('base64url')}`;
}

async function verdict(clock: ManualClock, token: string): Promise<unknown> {
  return await createTokenVerifier(ISSUER, clock)(token).catch((error: unknown) => error);
}

const REFUSED = { code: 'token_invalid', kind: 'unauthenticated' };

describe('an access token', () => {
  test('has the header and the claims of RFC 9068 section 2', async () => {
    const clock = new ManualClock();
    const token = await issueToken(ISSUER, REQUEST, clock);
    const now = clock.now().getTime() / 1000;
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'at+jwt' });
    expect(decodeJwt(token)).toEqual({
      iss: 'hushtone',
      aud: 'hushtone-api',
      sub: 'agent-1',
      client_id: 'crm',
      account_id: 'acme',
      scope: 'captures:write captures:read',
      iat: now,
      exp: now + 600,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  });

  test('is verified to who is asking and what for', async () => {
    const clock = new ManualClock();
    expect(await verdict(clock, await issueToken(ISSUER, REQUEST, clock))).toEqual({
      accountId: 'acme',
      subject: 'agent-1',
      clientId: 'crm',
      scopes: new Set(['captures:write', 'captures:read']),
    });
  });

  test('has an id of its own', async () => {
    const clock = new ManualClock();
    const ids = await Promise.all(
      [1, 2].map(async () => decodeJwt(await issueToken(ISSUER, REQUEST, clock)).jti),
    );
    expect(new Set(ids).size).toBe(2);
  });

  test.each([0, -1, 1.5, Number.NaN, LONGEST_TOKEN_SECONDS + 1])(
    'does not live %d seconds',
    async (seconds) => {
      const issued = issueToken(ISSUER, { ...REQUEST, lifetimeSeconds: seconds }, new ManualClock());
      await expect(issued).rejects.toMatchObject({ code: 'token_lifetime', kind: 'invalid' });
    },
  );

  test.each([
    ['no account', { accountId: '' }],
    ['an account that the database has no name for', { accountId: 'a b' }],
    ['an account that is too long', { accountId: 'a'.repeat(65) }],
    ['no subject', { subject: '' }],
    ['a subject that reads as a card number', { subject: 'u-4242424242424242' }],
    ['no client', { clientId: '' }],
    ['a client that is too long', { clientId: 'c'.repeat(256) }],
  ])('is not made for %s', async (_, change) => {
    const issued = issueToken(ISSUER, { ...REQUEST, ...change }, new ManualClock());
    await expect(issued).rejects.toMatchObject({ code: 'token_claims', kind: 'invalid' });
  });
});

describe('a verifier', () => {
  test('takes what is made by hand and right', async () => {
    const clock = new ManualClock();
    expect(await verdict(clock, forge(clock))).toMatchObject({ accountId: 'acme' });
  });

  test('takes the type written in full (RFC 9068 section 4)', async () => {
    const clock = new ManualClock();
    const token = forge(clock, { header: { typ: 'application/at+jwt' } });
    expect(await verdict(clock, token)).toMatchObject({ accountId: 'acme' });
  });

  test.each([
    ['another type', { header: { typ: 'JWT' } }],
    ['no type', { header: { typ: undefined } }],
    ['an algorithm that is named otherwise', { header: { alg: 'ES256' } }],
    ['a critical extension that is not known', { header: { crit: ['ours'], ours: 1 } }],
    ['another issuer', { claims: { iss: 'someone' } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['another audience', { claims: { aud: 'billing' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['no subject', { claims: { sub: undefined } }],
    ['an empty subject', { claims: { sub: '' } }],
    ['a subject that is no text', { claims: { sub: 7 } }],
    ['a subject that reads as a card number', { claims: { sub: '4242424242424242' } }],
    ['no client', { claims: { client_id: undefined } }],
    ['no account', { claims: { account_id: undefined } }],
    ['an empty account', { claims: { account_id: '' } }],
    ['a list of accounts', { claims: { account_id: ['acme'] } }],
    ['an account with a wildcard', { claims: { account_id: '%' } }],
    ['no id', { claims: { jti: undefined } }],
    ['no time of issue', { claims: { iat: undefined } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['an expiry that is text', { claims: { exp: '9999999999' } }],
  ])('refuses %s', async (_, change) => {
    const clock = new ManualClock();
    expect(await verdict(clock, forge(clock, change))).toMatchObject(REFUSED);
  });

  test('takes its own audience out of several', async () => {
    const clock = new ManualClock();
    const token = forge(clock, { claims: { aud: ['billing', ISSUER.audience] } });
    expect(await verdict(clock, token)).toMatchObject({ accountId: 'acme' });
  });

  test('refuses what another key has signed', async () => {
    const clock = new ManualClock();
    const other = keyOf();
    const token = forge(clock, { seal: (bytes) => sign(null, bytes, other) });
    expect(await verdict(clock, token)).toMatchObject(REFUSED);
  });

  test('refuses what was changed after signing', async () => {
    const clock = new ManualClock();
    const [header = '', , signature = ''] = forge(clock).split('.');
    const claims = base64url({ ...decodeJwt(forge(clock)), account_id: 'other' });
    expect(await verdict(clock, `${header}.${claims}.${signature}`)).toMatchObject(REFUSED);
  });

  test('refuses an unsigned token', async () => {
    const clock = new ManualClock();
    const unsigned = forge(clock, { header: { alg: 'none' }, seal: () => Buffer.alloc(0) });
    expect(await verdict(clock, unsigned)).toMatchObject(REFUSED);
    expect(await verdict(clock, forge(clock, { header: { alg: 'none' } }))).toMatchObject(REFUSED);
  });

  test.each(['pem', 'der', 'jwk'] as const)(
    'refuses HS256 with the public key as the shared secret (%s)',
    async (format) => {
      const clock = new ManualClock();
      const publicKey = createPublicKey(ISSUER.signingKey);
      const secret = {
        pem: () => Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })),
        der: () => publicKey.export({ type: 'spki', format: 'der' }),
        jwk: () => Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
      }[format]();
      const token = forge(clock, {
        header: { alg: 'HS256' },
        seal: (bytes) => createHmac('sha256', secret).update(bytes).digest(),
      });
      expect(await verdict(clock, token)).toMatchObject(REFUSED);
    },
  );

  test.each(['', 'x', 'a.b', 'a.b.c', '..', 'a.b.c.d.e', `${'a'.repeat(4000)}.b.c`])(
    'refuses what is no token: %.20s',
    async (text) => {
      expect(await verdict(new ManualClock(), text)).toMatchObject(REFUSED);
    },
  );

  test('takes a token until it runs out, and 30 seconds of clock skew longer', async () => {
    const clock = new ManualClock();
    const token = forge(clock, { claims: {} });
    clock.advance((600 + SKEW_SECONDS - 1) * 1000);
    expect(await verdict(clock, token)).toMatchObject({ accountId: 'acme' });
    clock.advance(1000);
    expect(await verdict(clock, token)).toMatchObject(REFUSED);
  });

  test('takes a token that is not valid yet only within the skew', async () => {
    const clock = new ManualClock();
    const now = Math.floor(clock.now().getTime() / 1000);
    const within = forge(clock, { claims: { nbf: now + SKEW_SECONDS } });
    const beyond = forge(clock, { claims: { nbf: now + SKEW_SECONDS + 1 } });
    expect(await verdict(clock, within)).toMatchObject({ accountId: 'acme' });
    expect(await verdict(clock, beyond)).toMatchObject(REFUSED);
  });

  test.each([
    ['captures:read  calls:read ', ['captures:read', 'calls:read']],
    ['', []],
    [undefined, []],
    [['captures:read'], []],
  ])('reads the scope %j', async (scope, expected) => {
    const clock = new ManualClock();
    const principal = await createTokenVerifier(ISSUER, clock)(forge(clock, { claims: { scope } }));
    expect([...principal.scopes]).toEqual(expected);
  });

  test('says nothing of the reason, and keeps it as the cause', async () => {
    const clock = new ManualClock();
    const refusal = await verdict(clock, forge(clock, { claims: { iss: 'someone' } }));
    expect(refusal).toMatchObject({ message: 'the access token is not valid' });
    expect((refusal as Error).cause).toBeInstanceOf(Error);
  });
});

describe('the signing key', () => {
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;

  test('is an Ed25519 key in PEM', () => {
    expect(readSigningKey(pem(ISSUER.signingKey)).equals(ISSUER.signingKey)).toBe(true);
  });

  test.each([
    ['an RSA key', pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)],
    ['an EC key', pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
    ['a key agreement key', pem(generateKeyPairSync('x25519').privateKey)],
    ['a public key', createPublicKey(ISSUER.signingKey).export({ type: 'spki', format: 'pem' }) as string],
    ['no key', 'hello'],
    ['nothing', ''],
  ])('is not %s', (_, text) => {
    expect(() => readSigningKey(text)).toThrow(expect.objectContaining({ code: 'token_key_invalid' }));
  });

  test('is not quoted in the refusal', () => {
    const text = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    const secret = text.split('\n')[1] ?? '';
    expect(secret.length).toBeGreaterThan(32);
    expect(() => readSigningKey(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret) as string }),
    );
  });
});
