import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenRequest } from '../../../src/access/access-token.ts';
import { insertAccount } from '../../support/rows.ts';
import type { CardTokenPage, CardTokenResource } from '../../../src/workflows/tokens/contract.ts';
import { execute } from '../../support/database.ts';
import { createTestHttp, type TestHttp } from '../../support/http.ts';
import { storeCard, testVault } from '../../support/vault-cards.ts';

const NUMBER = '4242424242424242';
const OTHER_NUMBER = '5555555555554444';

let http: TestHttp;

beforeAll(async () => {
  http = await createTestHttp();
  for (const account of ['acc_a', 'acc_b']) {
    await http.db.database.transaction(account, async (tx) => await insertAccount(tx, account));
  }
});

afterAll(async () => await http.close());

type Who = Partial<TokenRequest>;
type Method = 'GET' | 'PATCH' | 'DELETE';

const OTHER_ACCOUNT: Who = { accountId: 'acc_b' };

async function ask(method: Method, url: string, payload?: object, who: Who = {}, key?: string) {
  const answer = await http.server.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${await http.token(who)}`,
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(payload && { payload }),
  });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: answer.body === '' ? {} : answer.json<Record<string, unknown>>(),
    text: answer.body,
  };
}

async function store(
  number = NUMBER,
  more: { customerReference?: string; mode?: 'test' | 'live'; lookAlike?: boolean; accountId?: string } = {},
): Promise<string> {
  const { lookAlike = false, accountId = 'acc_a', ...card } = more;
  const vault = testVault(http.db, http.keys.keyRing, { lookAlike, retentionDays: 365 });
  return (await storeCard(http.db, vault, accountId, number, { expiry: '1130', ...card })).id;
}

async function read(tokenId: string, who: Who = {}): Promise<CardTokenResource> {
  const { status, body } = await ask('GET', `/v1/tokens/${tokenId}`, undefined, who);
  expect(body).toMatchObject({ id: tokenId });
  expect(status).toBe(200);
  return body as unknown as CardTokenResource;
}

async function list(query: Record<string, string>, who: Who = {}): Promise<CardTokenPage> {
  const url = `/v1/tokens?${new URLSearchParams(query).toString()}`;
  const { status, body } = await ask('GET', url, undefined, who);
  expect(body).toHaveProperty('tokens');
  expect(status).toBe(200);
  return body as unknown as CardTokenPage;
}

const idsOf = ({ tokens }: CardTokenPage): string[] => tokens.map(({ id }) => id);

async function operationsOn(tokenId: string): Promise<unknown[]> {
  const rows = await execute<{ record: string }>(
    http.db.url,
    `select record::text as record from audit_records where record::jsonb -> 'object' ->> 'id' = $1 order by sequence`,
    [tokenId],
  );
  return rows.map(({ record }) => (JSON.parse(record) as { operation: string }).operation);
}

describe('GET /v1/tokens/{token_id}', () => {
  test('shows what may be shown of a card', async () => {
    const id = await store(NUMBER, { customerReference: 'customer-1', lookAlike: true });
    expect(await read(id)).toEqual({
      id,
      mode: 'test',
      status: 'active',
      look_alike: expect.stringMatching(/^1[0-9]{11}4242$/) as unknown,
      brand: 'visa',
      last4: '4242',
      bin: '424242',
      expiry: { month: 11, year: 2030 },
      fingerprint: expect.stringMatching(/^fp_/) as unknown,
      customer_reference: 'customer-1',
      created_at: expect.any(String) as unknown,
      updated_at: expect.any(String) as unknown,
      expires_at: expect.any(String) as unknown,
    });
  });

  test('never the number, whoever asks and whatever for', async () => {
    const id = await store();
    for (const role of ['integrator', 'supervisor', 'auditor'] as const) {
      for (const url of [`/v1/tokens/${id}`, '/v1/tokens']) {
        const { text, status } = await ask('GET', url, undefined, { roles: [role] });
        expect(status).toBe(200);
        expect(text).not.toContain(NUMBER);
        expect(text).not.toMatch(/"(card_number|number|ciphertext|wrapped_key|security_code)"/);
      }
    }
  });

  test.each(['tok_card_aaaaaaaaaaaaaaaaaaaaaaaaaa', NUMBER, 'cap_aaaaaaaaaaaaaaaaaaaaaaaaaa'])(
    'there is no %s',
    async (id) => {
      const { status, body } = await ask('GET', `/v1/tokens/${id}`);
      expect([status, body['code']]).toEqual(
        id.startsWith('tok_card_') ? [404, 'token_not_found'] : [400, 'request_invalid'],
      );
    },
  );

  test.each(['GET', 'PATCH', 'DELETE'] as const)(
    '%s of another account’s card finds none',
    async (method) => {
      const id = await store();
      const change = method === 'PATCH' ? { customer_reference: 'mine' } : undefined;
      const { status, body } = await ask(method, `/v1/tokens/${id}`, change, OTHER_ACCOUNT);
      expect([status, body['code']]).toEqual([404, 'token_not_found']);
      expect((await read(id)).status).toBe('active');
    },
  );

  test.each([
    ['tokens:read', 'GET', 200],
    ['tokens:read', 'PATCH', 403],
    ['tokens:read', 'DELETE', 403],
    ['tokens:write', 'GET', 403],
    ['tokens:write', 'PATCH', 200],
    ['tokens:write', 'DELETE', 204],
  ] as const)('the scope %s: %s is answered with %i', async (scope, method, expected) => {
    const id = await store();
    const change = method === 'PATCH' ? { customer_reference: 'c-2' } : undefined;
    const { status } = await ask(method, `/v1/tokens/${id}`, change, { scopes: [scope] });
    expect(status).toBe(expected);
  });
});

describe('GET /v1/tokens', () => {
  test('finds the cards of a customer, the newest first, in pages', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.unshift(await store(NUMBER, { customerReference: 'paged' }));
      await store(NUMBER, { customerReference: 'someone-else' });
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: CardTokenPage = await list({
        customer_reference: 'paged',
        limit: '2',
        ...(cursor !== undefined && { cursor }),
      });
      expect(page.tokens.length).toBeLessThanOrEqual(2);
      seen.push(...idsOf(page));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
  });

  test('finds every token for a card by the fingerprint of any', async () => {
    const accountId = 'acc_b';
    const [first, second] = [
      await store(OTHER_NUMBER, { accountId, customerReference: 'one' }),
      await store(OTHER_NUMBER, { accountId, customerReference: 'two' }),
    ];
    const live = await store(OTHER_NUMBER, { accountId, mode: 'live' });
    await store('5200828282828210', { accountId });
    const { fingerprint = '' } = await read(second, OTHER_ACCOUNT);
    expect(idsOf(await list({ fingerprint }, OTHER_ACCOUNT))).toEqual([second, first]);
    expect(idsOf(await list({ fingerprint, customer_reference: 'one' }, OTHER_ACCOUNT))).toEqual([first]);
    const { fingerprint: other = '' } = await read(live, OTHER_ACCOUNT);
    expect(idsOf(await list({ fingerprint: other, mode: 'live' }, OTHER_ACCOUNT))).toEqual([live]);
    expect(idsOf(await list({ fingerprint }))).toEqual([]);
  });

  test('the fingerprint stays when its key is changed', async () => {
    const before = await store('371449635398431');
    const { fingerprint = '' } = await read(before);
    await http.keys.registry().rotate('fingerprints');
    const after = await store('371449635398431');
    expect(idsOf(await list({ fingerprint }))).toEqual([after, before]);
  });

  test('finds a token by its look-alike', async () => {
    const id = await store(NUMBER, { lookAlike: true });
    const { look_alike: lookAlike = '' } = await read(id);
    expect(idsOf(await list({ look_alike: lookAlike }))).toEqual([id]);
  });

  test('shows no deleted ones', async () => {
    const id = await store(NUMBER, { customerReference: 'gone' });
    expect(idsOf(await list({ customer_reference: 'gone' }))).toEqual([id]);
    await ask('DELETE', `/v1/tokens/${id}`);
    expect(idsOf(await list({ customer_reference: 'gone' }))).toEqual([]);
    expect(idsOf(await list({}))).not.toContain(id);
  });

  test.each([
    ['cursor=abc', 'cursor_invalid'],
    [`look_alike=${NUMBER}`, 'request_invalid'],
    ['fingerprint=4242', 'request_invalid'],
    ['limit=0', 'request_invalid'],
  ])('?%s is refused', async (query, code) => {
    const { status, body } = await ask('GET', `/v1/tokens?${query}`);
    expect([status, body['code']]).toEqual([400, code]);
  });
});

describe('PATCH /v1/tokens/{token_id}', () => {
  test('changes what it names, on record, and the card is paid with its new expiry date', async () => {
    const id = await store(NUMBER, { customerReference: 'customer-1' });
    const before = await read(id);
    const { status, body } = await ask('PATCH', `/v1/tokens/${id}`, { expiry: { month: 1, year: 2033 } });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...before,
      expiry: { month: 1, year: 2033 },
      updated_at: expect.any(String) as unknown,
    });
    const { body: next } = await ask('PATCH', `/v1/tokens/${id}`, { customer_reference: null });
    expect(next).not.toHaveProperty('customer_reference');
    using card = await testVault(http.db, http.keys.keyRing).reveal('acc_a', id);
    expect(card.face).toMatchObject({ expiryMonth: 1, expiryYear: 2033 });
    expect(await operationsOn(id)).toEqual([
      'card_token.store',
      'card_token.update',
      'card_token.update',
      'card_token.reveal',
    ]);
  });

  test('a card whose time is over is refused, and cannot be kept any longer', async () => {
    const id = await store();
    await execute(
      http.db.url,
      `update card_tokens set expires_at = now() - interval '1 second' where id = $1`,
      [id],
    );
    expect((await read(id)).status).toBe('expired');
    const { status, body } = await ask('PATCH', `/v1/tokens/${id}`, { expires_at: '2027-01-01T00:00:00Z' });
    expect([status, body['code']]).toEqual([409, 'token_expired']);
  });

  test.each([
    [{ expiry: { month: 1, year: 2020 } }, 'expiry_invalid'],
    [{ expiry: { month: 13, year: 2030 } }, 'request_invalid'],
    [{ expiry: { month: 1 } }, 'request_invalid'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at_invalid'],
    [{ expires_at: '2099-01-01T00:00:00Z' }, 'expires_at_invalid'],
    [{ expires_at: 'tomorrow' }, 'request_invalid'],
    [{ customer_reference: NUMBER }, 'customer_reference_like_card'],
    [{ customer_reference: '' }, 'request_invalid'],
    [{}, 'request_invalid'],
    [{ security_code: '123' }, 'request_invalid'],
    [{ card_number: NUMBER }, 'request_invalid'],
    [{ brand: 'amex' }, 'request_invalid'],
  ])('%j is refused, and nothing changes', async (changes, code) => {
    const id = await store();
    const before = await read(id);
    const { status, body } = await ask('PATCH', `/v1/tokens/${id}`, changes);
    expect([status, body['code']]).toEqual([400, code]);
    expect(await read(id)).toEqual(before);
  });

  test('what changes nothing leaves no record', async () => {
    const id = await store(NUMBER, { customerReference: 'customer-1' });
    const before = await read(id);
    const { body } = await ask('PATCH', `/v1/tokens/${id}`, { customer_reference: 'customer-1' });
    expect(body).toEqual(before);
    expect(await operationsOn(id)).toEqual(['card_token.store']);
  });

  test('sent again under its key it is answered again, and done once', async () => {
    const id = await store();
    const change = { customer_reference: 'again' };
    const first = await ask('PATCH', `/v1/tokens/${id}`, change, {}, `patch-${id}`);
    await ask('PATCH', `/v1/tokens/${id}`, { customer_reference: 'later' });
    const second = await ask('PATCH', `/v1/tokens/${id}`, change, {}, `patch-${id}`);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body).toEqual(first.body);
    expect((await read(id)).customer_reference).toBe('later');
    const other = await ask('PATCH', `/v1/tokens/${id}`, { customer_reference: 'x' }, {}, `patch-${id}`);
    expect([other.status, other.body['code']]).toEqual([422, 'idempotency_mismatch']);
  });
});

describe('DELETE /v1/tokens/{token_id}', () => {
  test('destroys the card; the token stays to be read', async () => {
    const id = await store(NUMBER, { customerReference: 'customer-1' });
    const { status, text } = await ask('DELETE', `/v1/tokens/${id}`);
    expect([status, text]).toEqual([204, '']);
    expect(await read(id)).toEqual({
      id,
      mode: 'test',
      status: 'deleted',
      brand: 'visa',
      last4: '4242',
      created_at: expect.any(String) as unknown,
      updated_at: expect.any(String) as unknown,
      expires_at: expect.any(String) as unknown,
      deleted_at: expect.any(String) as unknown,
      deleted_reason: 'by_request',
    });
    await expect(testVault(http.db, http.keys.keyRing).reveal('acc_a', id)).rejects.toMatchObject({
      code: 'token_deleted',
    });
    const { status: changed, body } = await ask('PATCH', `/v1/tokens/${id}`, { customer_reference: 'c' });
    expect([changed, body['code']]).toEqual([409, 'token_deleted']);
  });

  test('again changes nothing, with a key and without', async () => {
    const id = await store();
    const first = await ask('DELETE', `/v1/tokens/${id}`, undefined, {}, `delete-${id}`);
    const again = await ask('DELETE', `/v1/tokens/${id}`, undefined, {}, `delete-${id}`);
    const without = await ask('DELETE', `/v1/tokens/${id}`);
    expect([first.status, again.status, without.status]).toEqual([204, 204, 204]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(await operationsOn(id)).toEqual(['card_token.store', 'card_token.delete']);
  });
});
