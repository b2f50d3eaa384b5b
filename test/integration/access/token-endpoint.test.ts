import { createPublicKey } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShownSecret } from '../../../src/access/client-registry-store.ts';
import type { Client } from '../../../src/access/client.ts';
import {
  askForToken,
  basic,
  CLIENT,
  createTokenHttp,
  newKeyRing,
  registryOf,
  secretForm,
} from '../../support/authorization.ts';
import { ISSUER } from '../../support/token-request.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import type { TestHttp } from '../../support/http.ts';

const clock = new HandClock();
const keys = newKeyRing();
let db: TestDatabase;
let http: TestHttp;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
  http = await createTokenHttp(db, clock, keys);
  await registryOf(db, clock).createAccount('acc_a', []);
  await registryOf(db, clock).createAccount('acc_b', ['198.51.100.0/24', '2001:db8:1::/48']);
});

afterAll(async () => {
  await http.close();
  await db.close();
});

async function newClient(
  request: Partial<typeof CLIENT> = {},
): Promise<{ client: Client; id: string; secret: ShownSecret }> {
  const { client, secret } = await registryOf(db, clock).createClient({ ...CLIENT, ...request });
  if (secret === undefined) throw new Error('the client has no secret');
  return { client, id: client.id, secret };
}

async function recordsOf(clientId: string): Promise<string[]> {
  const rows = await execute<{ operation: string; reason: string | null }>(
    db.url,
    `select operation, record::jsonb ->> 'reason' as reason from audit_records
     where object_id = $1 order by sequence`,
    [clientId],
  );
  return rows.map(({ operation, reason }) => (reason === null ? operation : `${operation} ${reason}`));
}

describe('a client with a secret', () => {
  it('gets a token that lets it do what its role and scopes allow', async () => {
    const { id, secret } = await newClient();
    const answer = await askForToken(http, secretForm(id, secret.secret));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const body = answer.json<{ access_token: string }>();
    expect(body).toEqual({
      access_token: expect.any(String) as string,
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'captures:write captures:read calls:read',
    });
    const calls = await http.server.inject({
      url: '/v1/calls',
      headers: { authorization: `Bearer ${body.access_token}` },
    });
    expect(calls.statusCode).toBe(200);
  });

  it('gets a token that anyone can check with the published keys (RFC 9068)', async () => {
    const { id, secret } = await newClient();
    const answer = await askForToken(http, secretForm(id, secret.secret, { scope: 'captures:read' }));
    const token = answer.json<{ access_token: string }>().access_token;
    const jwks = await http.server.inject('/.well-known/jwks.json');
    expect(jwks.statusCode).toBe(200);
    const { kid } = decodeProtectedHeader(token);
    const [key] = jwks.json<{ keys: { kid: string }[] }>().keys.filter((one) => one.kid === kid);
    const { payload, protectedHeader } = await jwtVerify(
      token,
      createPublicKey({ key: key as never, format: 'jwk' }),
      { currentDate: clock.now() },
    );
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
    expect(payload).toMatchObject({
      iss: ISSUER,
      aud: 'hushtone',
      sub: id,
      client_id: id,
      account_id: 'acc_a',
      roles: ['integrator'],
      scope: 'captures:read',
      exp: Math.floor(clock.now().getTime() / 1000) + 600,
    });
  });

  it('may use HTTP Basic instead', async () => {
    const { id, secret } = await newClient();
    const form = { grant_type: 'client_credentials', scope: 'calls:read calls:read' };
    const answer = await askForToken(http, form, { headers: basic(id, secret.secret) });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ scope: 'calls:read' });
  });

  it('changes its secret without a gap', async () => {
    const { id, secret } = await newClient();
    const registry = registryOf(db, clock);
    const next = await registry.rotateSecret(id, { secretDays: 365, overlapDays: 1 });
    await expect(registry.rotateSecret(id, { secretDays: 365, overlapDays: 1 })).rejects.toMatchObject({
      code: 'client_secrets_full',
    });
    for (const text of [secret.secret, next.secret.secret]) {
      expect((await askForToken(http, secretForm(id, text))).statusCode).toBe(200);
    }
    clock.pass(86_400);
    expect((await askForToken(http, secretForm(id, secret.secret))).statusCode).toBe(401);
    expect((await askForToken(http, secretForm(id, next.secret.secret))).statusCode).toBe(200);
    await registry.revokeSecret(id, next.secret.id);
    expect((await askForToken(http, secretForm(id, next.secret.secret))).statusCode).toBe(401);
  });

  it('leaves a record of every token and every refusal, and none of its secret', async () => {
    const { id, secret } = await newClient();
    await askForToken(http, secretForm(id, secret.secret));
    await askForToken(http, secretForm(id, `${secret.secret.slice(0, -1)}!`));
    await askForToken(http, secretForm(id, secret.secret, { scope: 'evidence:read' }));
    expect(await recordsOf(id)).toEqual([
      'client.create',
      'client.secret.create',
      'token.issue',
      'token.refused secret_wrong',
      'token.refused invalid_scope',
    ]);
    const rows = await execute<{ text: string }>(db.url, 'select record as text from audit_records');
    const random = secret.secret.split('.')[1] ?? '';
    expect(rows.some(({ text }) => text.includes(random))).toBe(false);
    expect(rows.some(({ text }) => text.includes('argon2'))).toBe(false);
  });

  it('has nothing but an Argon2id hash of its secret in the database', async () => {
    const { secret } = await newClient();
    const [row] = await execute<{ hash: string }>(db.url, 'select hash from client_secrets where id = $1', [
      secret.id,
    ]);
    expect(row?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });
});

describe('a refusal', () => {
  const unauthorized = {
    error: 'invalid_client',
    error_description: 'The client is not known, or did not prove who it is.',
  };

  it('is the same for a client that there is not, a wrong secret, and another client’s secret', async () => {
    const one = await newClient();
    const other = await newClient();
    const forms = [
      secretForm('cli_00000000000000000000000000', one.secret.secret),
      secretForm('nobody', one.secret.secret),
      secretForm('4242424242424242', 'x'),
      secretForm(one.id, 'x'),
      secretForm(one.id, other.secret.secret),
      secretForm(one.id, `${one.secret.id}.${'A'.repeat(43)}`),
    ];
    for (const form of forms) {
      const answer = await askForToken(http, form);
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toEqual(unauthorized);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  it('meets a disabled client, until it is enabled again', async () => {
    const { id, secret } = await newClient();
    const token = (await askForToken(http, secretForm(id, secret.secret))).json<{ access_token: string }>();
    await registryOf(db, clock).setDisabled(id, true);
    const answer = await askForToken(http, secretForm(id, secret.secret));
    expect(answer.json()).toEqual(unauthorized);
    const call = () =>
      http.server.inject({ url: '/v1/calls', headers: { authorization: `Bearer ${token.access_token}` } });
    const refused = await call();
    expect(refused.statusCode).toBe(401);
    expect(refused.json()).toMatchObject({ code: 'client_disabled' });
    await registryOf(db, clock).setDisabled(id, false);
    clock.pass(6);
    expect((await call()).statusCode).toBe(200);
    expect(await recordsOf(id)).toContain('token.refused client_disabled');
  });

  it('meets an address that the account or the client does not allow', async () => {
    const { id, secret } = await newClient({ accountId: 'acc_b', networks: ['198.51.100.16/28'] });
    const ask = async (address: string) =>
      (await askForToken(http, secretForm(id, secret.secret), { address })).statusCode;
    expect(await ask('198.51.100.17')).toBe(200);
    expect(await ask('::ffff:198.51.100.18')).toBe(200);
    expect(await ask('198.51.100.40')).toBe(401);
    expect(await ask('192.0.2.1')).toBe(401);
    expect(await ask('2001:db8:1::7')).toBe(401);
    await registryOf(db, clock).setNetworks(id, []);
    expect(await ask('2001:db8:1::7')).toBe(200);
    expect(await ask('2001:db8:2::7')).toBe(401);
    expect(await recordsOf(id)).toContain('token.refused address_not_allowed');
  });

  it.each<[string, (id: string, secret: string) => Record<string, string>, string]>([
    ['no grant_type', (id, secret) => ({ client_id: id, client_secret: secret }), 'invalid_request'],
    [
      'another grant_type',
      (id, secret) => ({ grant_type: 'password', client_id: id, client_secret: secret }),
      'unsupported_grant_type',
    ],
    [
      'more scope than it has',
      (id, secret) => secretForm(id, secret, { scope: 'captures:read evidence:read' }),
      'invalid_scope',
    ],
    ['an unknown scope', (id, secret) => secretForm(id, secret, { scope: 'everything' }), 'invalid_scope'],
    [
      'a secret and an assertion at once',
      (id, secret) => secretForm(id, secret, { client_assertion: 'a.b.c', client_assertion_type: 'x' }),
      'invalid_request',
    ],
    [
      'a parameter that is too long',
      (id, secret) => secretForm(id, secret, { scope: 'x'.repeat(2000) }),
      'invalid_request',
    ],
  ])('with 400 meets %s', async (_what, form, error) => {
    const { id, secret } = await newClient();
    const answer = await askForToken(http, form(id, secret.secret));
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error });
  });

  it('meets no credentials, two kinds of them, and a client_id that contradicts them', async () => {
    const { id, secret } = await newClient();
    const none = await askForToken(http, { grant_type: 'client_credentials' });
    expect([none.statusCode, none.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
    const headers = basic(id, secret.secret);
    const two = await askForToken(http, secretForm(id, secret.secret), { headers });
    expect([two.statusCode, two.json<{ error: string }>().error]).toEqual([400, 'invalid_request']);
    const odd = await askForToken(
      http,
      { grant_type: 'client_credentials', client_id: 'other' },
      { headers },
    );
    expect([odd.statusCode, odd.json<{ error: string }>().error]).toEqual([400, 'invalid_request']);
  });

  it.each([
    [
      'a repeated parameter',
      'application/x-www-form-urlencoded',
      'grant_type=client_credentials&scope=a&scope=b',
      400,
    ],
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}', 415],
    ['no body', 'application/x-www-form-urlencoded', '', 400],
    ['a body of 40 kB', 'application/x-www-form-urlencoded', `grant_type=${'x'.repeat(40_000)}`, 413],
    ['plain text', 'text/plain', 'grant_type=client_credentials', 415],
  ])('in the form of OAuth meets %s', async (_what, type, payload, status) => {
    const answer = await http.server.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': type },
      payload,
    });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ error: 'invalid_request' });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('is a problem document where a form is sent to any other operation', async () => {
    const answer = await http.server.inject({
      method: 'POST',
      url: '/v1/captures',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Bearer ${(await tokenOf(await newClient())).access_token}`,
      },
      payload: 'purpose=charge',
    });
    expect(answer.statusCode).toBe(415);
    expect(answer.json()).toMatchObject({ code: 'media_type_unsupported' });
  });
});

async function tokenOf({ id, secret }: { id: string; secret: ShownSecret }) {
  return (await askForToken(http, secretForm(id, secret.secret))).json<{ access_token: string }>();
}

describe('a source that keeps failing', () => {
  const address = '203.0.113.5';

  it('is locked, for twice as long each time, and only this source', async () => {
    const { id, secret } = await newClient();
    const wrong = async () => await askForToken(http, secretForm(id, 'wrong'), { address });
    const right = async (from: string) =>
      await askForToken(http, secretForm(id, secret.secret), { address: from });
    for (let count = 1; count <= 4; count += 1) expect((await wrong()).statusCode).toBe(401);
    for (const seconds of [30, 60, 120]) {
      const locking = await wrong();
      expect(locking.statusCode).toBe(429);
      expect(locking.headers['retry-after']).toBe(String(seconds));
      clock.pass(seconds - 1);
      const locked = await right(address);
      expect(locked.statusCode).toBe(429);
      expect(locked.headers['retry-after']).toBe('1');
      expect(locked.json()).toMatchObject({ error: 'invalid_client' });
      expect((await right('203.0.113.6')).statusCode).toBe(200);
      clock.pass(1);
    }
    expect((await right(address)).statusCode).toBe(200);
    expect((await wrong()).statusCode).toBe(401);
    expect((await recordsOf(id)).filter((record) => record.startsWith('client.lock'))).toHaveLength(3);
  });

  it('is locked on every instance', async () => {
    const other = await createTokenHttp(db, clock, keys);
    const { id, secret } = await newClient();
    for (let count = 1; count <= 5; count += 1) {
      await askForToken(count % 2 === 0 ? http : other, secretForm(id, 'wrong'), { address });
    }
    for (const instance of [http, other]) {
      const answer = await askForToken(instance, secretForm(id, secret.secret), { address });
      expect(answer.statusCode).toBe(429);
    }
    await other.close();
  });

  it('is locked just so when there is no such client', async () => {
    const form = secretForm('cli_11111111111111111111111111', 'wrong');
    for (let count = 1; count <= 4; count += 1) {
      expect((await askForToken(http, form, { address })).statusCode).toBe(401);
    }
    expect((await askForToken(http, form, { address })).statusCode).toBe(429);
  });

  it('is forgotten after a while, and so is its row', async () => {
    const { id, secret } = await newClient();
    for (let count = 1; count <= 4; count += 1) {
      await askForToken(http, secretForm(id, 'wrong'), { address: '203.0.113.77' });
    }
    clock.pass(2 * 3600 + 1);
    const again = await askForToken(http, secretForm(id, 'wrong'), { address: '203.0.113.77' });
    expect(again.statusCode).toBe(401);
    expect(
      (await askForToken(http, secretForm(id, secret.secret), { address: '203.0.113.77' })).statusCode,
    ).toBe(200);
    const rows = await execute(db.url, 'select from login_failures');
    expect(rows).toHaveLength(0);
  });
});

it('tells where and how to get a token (RFC 8414)', async () => {
  const answer = await http.server.inject('/.well-known/oauth-authorization-server');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    issuer: ISSUER,
    token_endpoint: `${ISSUER}/oauth/token`,
    jwks_uri: `${ISSUER}/.well-known/jwks.json`,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  });
});

it('answers 503 in its own form while the database is away', async () => {
  const away = await createTestDatabase();
  const instance = await createTokenHttp(away, clock, keys);
  await away.close();
  const answer = await askForToken(instance, secretForm('cli_00000000000000000000000000', 'x'));
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
  await instance.close();
});
