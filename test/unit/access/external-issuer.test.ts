import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTokenVerifier, issueToken } from '../../../src/access/access-token.ts';
import { createExternalVerifier, type ExternalIssuer } from '../../../src/access/external-issuer.ts';
import { createKeyRing } from '../../../src/access/signing-keys.ts';
import { chooseVerifier } from '../../../src/access/token-verifier.ts';
import { createAuthority, issueLeaf, type Authority } from '../../../src/pki/certificate.ts';
import { HandClock } from '../../support/hand-clock.ts';

const clock = new HandClock();
const seconds = () => Math.floor(clock.now().getTime() / 1000);

interface Pair {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: Record<string, unknown>;
}

function newPair(kid: string): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid } };
}

const pair = newPair('one');

/** Another authorization server: the page with its keys, over TLS under an authority of its own. */
let authority: Authority;
let server: Server;
let url: string;
let answer: { status: number; body: string; location?: string };
let asked = 0;

const publish = (...pairs: Pair[]): void => {
  answer = { status: 200, body: JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) }) };
};

beforeAll(async () => {
  const validity = { from: new Date(), days: 1 };
  authority = await createAuthority('another issuer', validity);
  const leaf = await issueLeaf(authority, { commonName: 'localhost', usage: 'server' }, validity);
  server = createServer({ cert: leaf.certificate, key: leaf.key }, (_request, response) => {
    asked += 1;
    const { status, body, location } = answer;
    response.writeHead(status, { 'content-type': 'application/json', ...(location && { location }) });
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
});

afterAll(async () => {
  server.close();
  await once(server, 'close');
});

beforeEach(() => {
  publish(pair);
  asked = 0;
});

const issuerOf = (changes: Partial<ExternalIssuer> = {}): ExternalIssuer => ({
  issuer: 'https://login.test',
  audience: 'https://gateway.test',
  algorithm: 'ES256',
  tokenType: 'at+jwt',
  accountClaim: 'tenant',
  rolesClaim: 'groups',
  keys: { url, ca: authority.certificate },
  ...changes,
});

async function tokenOf(
  claims: JWTPayload = {},
  header: Record<string, unknown> = {},
  by: Pair = pair,
): Promise<string> {
  return await new SignJWT({
    iss: 'https://login.test',
    aud: 'https://gateway.test',
    sub: 'agent-7',
    client_id: 'crm',
    tenant: 'acc_a',
    groups: ['agent', 'staff'],
    scope: 'captures:read',
    iat: seconds(),
    exp: seconds() + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: by.kid, ...header })
    .sign(by.privateKey);
}

const refused = { code: 'token_invalid', kind: 'unauthenticated' };
const unavailable = { code: 'issuer_unavailable', kind: 'unavailable' };

describe('a token of another issuer', () => {
  it('is taken by its published keys, with the account and the roles of the claims that were agreed on', async () => {
    const verify = createExternalVerifier(issuerOf(), clock);
    expect(await verify(await tokenOf())).toEqual({
      accountId: 'acc_a',
      subject: 'agent-7',
      clientId: 'crm',
      roles: ['agent'],
      scopes: new Set(['captures:read']),
    });
    await verify(await tokenOf());
    expect(asked).toBe(1);
  });

  it('may name its client in azp, and its roles with spaces between them', async () => {
    const verify = createExternalVerifier(issuerOf(), clock);
    const claims = { client_id: undefined, azp: 'desk', groups: 'auditor supervisor' };
    expect(await verify(await tokenOf(claims))).toMatchObject({
      clientId: 'desk',
      roles: ['auditor', 'supervisor'],
    });
  });

  it('never stands for a capture grant', async () => {
    const verify = createExternalVerifier(issuerOf(), clock);
    expect(await verify(await tokenOf({ grant_id: 'gnt_1' }))).not.toHaveProperty('grantId');
  });

  it('may come from clocks that differ by half a minute', async () => {
    const verify = createExternalVerifier(issuerOf(), clock);
    await expect(verify(await tokenOf({ exp: seconds() - 29, iat: seconds() - 60 }))).resolves.toBeDefined();
    await expect(verify(await tokenOf({ exp: seconds() - 31, iat: seconds() - 60 }))).rejects.toMatchObject(
      refused,
    );
    await expect(verify(await tokenOf({ nbf: seconds() + 31 }))).rejects.toMatchObject(refused);
  });

  it.each<[string, JWTPayload]>([
    ['is of another issuer', { iss: 'https://elsewhere.test' }],
    ['is for another audience', { aud: 'crm' }],
    ['does not run out', { exp: undefined as never }],
    ['does not tell its age', { iat: undefined as never }],
    ['is older than a day', { iat: Math.floor(Date.parse('2026-02-27T00:00:00Z') / 1000) }],
    ['names no account', { tenant: undefined }],
    ['names an account that can be none', { tenant: '../acc_a' }],
    ['names several accounts', { tenant: ['acc_a', 'acc_b'] }],
    ['has no subject', { sub: undefined as never }],
    ['has a subject like a card number', { sub: '4012001037141112' }],
    ['names no client', { client_id: undefined }],
    ['names a client of ours', { client_id: 'cli_0123ab0123ab0123ab0123ab01' }],
    ['names a client of ours in azp', { client_id: undefined, azp: 'cli_0123ab0123ab0123ab0123ab01' }],
    ['is bound to something that was not shown', { cnf: { 'x5t#S256': 'A'.repeat(43) } }],
  ])('is refused when it %s', async (_what, claims) => {
    const verify = createExternalVerifier(issuerOf(), clock);
    await expect(verify(await tokenOf(claims))).rejects.toMatchObject(refused);
  });

  it('is refused when it is of another type, such as an ID token', async () => {
    const token = await tokenOf({}, { typ: 'JWT' });
    await expect(createExternalVerifier(issuerOf(), clock)(token)).rejects.toMatchObject(refused);
    const plain = createExternalVerifier(issuerOf({ tokenType: 'JWT' }), clock);
    await expect(plain(token)).resolves.toBeDefined();
  });

  it('is refused with any algorithm but the one that was agreed on', async () => {
    const verify = createExternalVerifier(issuerOf({ algorithm: 'RS256' }), clock);
    await expect(verify(await tokenOf())).rejects.toMatchObject(refused);
    const shared = await new SignJWT({ iss: 'https://login.test', aud: 'https://gateway.test', sub: 'x' })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: pair.kid })
      .sign(Buffer.from(JSON.stringify(pair.jwk)));
    await expect(createExternalVerifier(issuerOf(), clock)(shared)).rejects.toMatchObject(refused);
    const [, payload] = (await tokenOf()).split('.');
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    const unsigned = `${none}.${payload}.`;
    await expect(createExternalVerifier(issuerOf(), clock)(unsigned)).rejects.toMatchObject(refused);
  });

  it('is checked by keys from a file where they cannot be fetched', async () => {
    const verify = createExternalVerifier(
      issuerOf({ keys: { jwks: JSON.stringify({ keys: [pair.jwk] }) } }),
      clock,
    );
    await expect(verify(await tokenOf())).resolves.toBeDefined();
    await expect(verify(await tokenOf({}, {}, newPair('two')))).rejects.toMatchObject(refused);
    expect(asked).toBe(0);
  });
});

describe('the keys of another issuer', () => {
  it('are not asked for again and again because of tokens that name a key that there is not', async () => {
    const verify = createExternalVerifier(issuerOf(), clock);
    await verify(await tokenOf());
    for (let count = 0; count < 5; count += 1) {
      await expect(verify(await tokenOf({}, {}, newPair('two')))).rejects.toMatchObject(refused);
    }
    expect(asked).toBe(1);
  });

  it.each<[string, () => void]>([
    ['an error', () => (answer = { status: 500, body: '' })],
    ['an error that holds a key set', () => (answer = { ...answer, status: 500 })],
    ['a redirection', () => (answer = { status: 302, body: '', location: url })],
    ['no JSON', () => (answer = { status: 200, body: '<html>' })],
    ['no key set', () => (answer = { status: 200, body: '{"keys":7}' })],
    ['far too much', () => (answer = { status: 200, body: `{"keys":[],"x":"${'x'.repeat(300_000)}"}` })],
  ])('cannot be had when the answer is %s', async (_what, prepare) => {
    prepare();
    const verify = createExternalVerifier(issuerOf(), clock);
    await expect(verify(await tokenOf())).rejects.toMatchObject(unavailable);
    expect(asked).toBe(1);
  });

  it('are asked for once in five seconds while they cannot be had', async () => {
    const verify = createExternalVerifier(issuerOf(), clock);
    answer = { status: 503, body: '' };
    for (let count = 0; count < 3; count += 1) {
      await expect(verify(await tokenOf())).rejects.toMatchObject(unavailable);
    }
    expect(asked).toBe(1);
    publish(pair);
    clock.pass(5);
    await expect(verify(await tokenOf())).resolves.toBeDefined();
    expect(asked).toBe(2);
  });

  it('are taken from no server whose certificate another authority has signed', async () => {
    const verify = createExternalVerifier(issuerOf({ keys: { url } }), clock);
    await expect(verify(await tokenOf())).rejects.toMatchObject(unavailable);
    expect(asked).toBe(0);
  });
});

describe('tokens of two issuers', () => {
  it('are each checked by the rules of its own', async () => {
    const keys = createKeyRing(generateKeyPairSync('ed25519').privateKey);
    const own = { issuer: 'hushtone', audience: 'hushtone', keys };
    const verify = chooseVerifier(createTokenVerifier(own, clock), {
      issuer: 'https://login.test',
      verify: createExternalVerifier(issuerOf(), clock),
    });
    const request = { accountId: 'acc_b', subject: 'x', clientId: 'x', roles: [], scopes: [] };
    await expect(verify(await issueToken(own, request, clock))).resolves.toMatchObject({
      accountId: 'acc_b',
    });
    await expect(verify(await tokenOf())).resolves.toMatchObject({ accountId: 'acc_a' });
    const disguised = await issueToken({ ...own, issuer: 'https://login.test' }, request, clock);
    await expect(verify(disguised)).rejects.toMatchObject(refused);
    await expect(verify(await tokenOf({ iss: 'hushtone' }))).rejects.toMatchObject(refused);
    await expect(verify('nothing')).rejects.toMatchObject(refused);
  });
});
