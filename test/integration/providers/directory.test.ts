import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PaymentRequest } from '../../../src/payments/contract.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import type { RoutedProvider, RoutingQuestion } from '../../../src/workflows/providers/contract.ts';
import { createTestKind } from '../../support/provider-kind.ts';
import { execute } from '../../support/database.ts';
import { actorOf, createBench, type Bench, type Gateway } from './bench.ts';

let bench: Bench;
let gateway: Gateway;
let elsewhere: Gateway;
let installed: RoutedProvider;

beforeAll(async () => {
  bench = await createBench();
  const kind = createTestKind('sandbox');
  const provider = kind.connect({}, 'test', {} as never);
  installed = { id: 'default', kind: 'sandbox', mode: 'test', provider };
  gateway = await bench.gateway(installed);
  elsewhere = await bench.gateway();
});

afterAll(async () => await bench.close());

let accounts = 0;
const newAccount = (): string => `acc_${(accounts += 1)}`;

const QUESTION: RoutingQuestion = {
  mode: 'test',
  purpose: 'charge',
  amount: { value: 4200, currency: 'EUR' },
  brand: 'visa',
};

async function add(
  accountId: string,
  merchantAccount: string,
  more: Record<string, unknown> = {},
  mode: 'test' | 'live' = 'test',
): Promise<string> {
  const configuration = {
    secret_key: `sk_${mode}_abcdefgh1234`,
    merchant_account: merchantAccount,
    ...more,
  };
  const request = { kind: 'scripted', name: merchantAccount, mode, configuration };
  return (await gateway.desk.create(actorOf(accountId), request)).id;
}

const idsOf = (routed: readonly RoutedProvider[]): string[] => routed.map(({ id }) => id);

function payment(key: string): PaymentRequest {
  const cardNumber = new SecretBuffer(16);
  cardNumber.appendBytes(Buffer.from('4242424242424242'));
  return {
    purpose: 'charge',
    idempotencyKey: key,
    amount: { value: 1, currency: 'EUR' },
    card: { cardNumber },
  };
}

describe('without a rule', () => {
  test('an account without providers has that of the installation, in test mode only', async () => {
    const accountId = newAccount();
    expect(await gateway.directory.route(accountId, QUESTION)).toEqual([installed]);
    expect(await gateway.directory.route(accountId, { ...QUESTION, mode: 'live' })).toEqual([]);
    expect(await elsewhere.directory.route(accountId, QUESTION)).toEqual([]);
  });

  test('all active providers of the mode come in the order of their creation, the installed one last', async () => {
    const accountId = newAccount();
    const first = await add(accountId, 'First');
    const live = await add(accountId, 'Live', {}, 'live');
    const second = await add(accountId, 'Second');
    const off = await add(accountId, 'Off');
    await gateway.desk.update(actorOf(accountId), off, { state: 'disabled' });
    expect(idsOf(await gateway.directory.route(accountId, QUESTION))).toEqual([first, second, 'default']);
    const routedLive = await gateway.directory.route(accountId, { ...QUESTION, mode: 'live' });
    expect(idsOf(routedLive)).toEqual([live]);
    expect(routedLive[0]).toMatchObject({ kind: 'scripted', mode: 'live' });
  });

  test('only those that can do what is asked', async () => {
    const accountId = newAccount();
    await add(accountId, 'Tokens only', { purposes: ['tokenize'] });
    const noPin = await add(accountId, 'No PIN', { pin: false });
    expect(idsOf(await gateway.directory.route(accountId, QUESTION))).toEqual([noPin, 'default']);
    const withPin = await gateway.directory.route(accountId, { ...QUESTION, pin: true });
    expect(idsOf(withPin)).toEqual(['default']);
  });

  test('accounts see their own only', async () => {
    const [one, other] = [newAccount(), newAccount()];
    const id = await add(one, 'One');
    expect(idsOf(await gateway.directory.route(other, QUESTION))).toEqual(['default']);
    expect(await gateway.directory.find(other, id)).toBeUndefined();
    const found = await gateway.directory.find(one, id);
    expect(found).toMatchObject({ id });
    expect(found).not.toHaveProperty('retired');
  });
});

describe('with rules', () => {
  test('the first that matches decides, in its order and without anyone else', async () => {
    const accountId = newAccount();
    const a = await add(accountId, 'A');
    const b = await add(accountId, 'B');
    await gateway.desk.setRouting(actorOf(accountId), {
      rules: [
        { mode: 'test', currencies: ['EUR'], amount_from: 5000, providers: [a] },
        { mode: 'test', currencies: ['EUR'], brands: ['visa'], providers: [b, a] },
        { mode: 'test', currencies: ['EUR'], providers: ['default'] },
      ],
    });
    const route = async (change: Partial<RoutingQuestion>): Promise<string[]> =>
      idsOf(await gateway.directory.route(accountId, { ...QUESTION, ...change }));
    expect(await route({})).toEqual([b, a]);
    expect(await route({ amount: { value: 5000, currency: 'EUR' } })).toEqual([a]);
    expect(await route({ brand: 'amex' })).toEqual(['default']);
    expect(await route({ amount: { value: 1, currency: 'USD' } })).toEqual([a, b, 'default']);
    // A rule is no wish: what it names and cannot be used is not made up for by others.
    await gateway.desk.update(actorOf(accountId), b, { state: 'disabled' });
    expect(await route({})).toEqual([a]);
    await gateway.desk.update(actorOf(accountId), a, { state: 'disabled' });
    expect(await route({})).toEqual([]);
  });
});

describe('connections', () => {
  test('are made when they are needed, once for each version', async () => {
    const accountId = newAccount();
    const { kind, directory } = elsewhere;
    const before = kind.connected.length;
    await add(accountId, 'Lazy', { login: { username: 'u', password: 'hidden-password' } });
    expect(kind.connected.length).toBe(before);
    const [first, again] = await Promise.all([
      directory.route(accountId, QUESTION),
      directory.route(accountId, QUESTION),
    ]);
    expect(kind.connected.length).toBe(before + 1);
    expect(first[0]?.provider).toBe(again[0]?.provider);
    // With its secrets, in their places.
    expect(kind.connected.at(-1)?.configuration).toEqual({
      secret_key: 'sk_test_abcdefgh1234',
      merchant_account: 'Lazy',
      login: { username: 'u', password: 'hidden-password' },
    });
  });

  test('notice what another process changes, and end after what is under way', async () => {
    const accountId = newAccount();
    const { kind, directory } = elsewhere;
    const id = await add(accountId, 'Before');
    const [routed] = await directory.route(accountId, QUESTION);
    const old = kind.connected.at(-1);
    const gate = old?.hold();
    const underWay = routed?.provider.pay(payment('under-way'));
    await gateway.desk.update(actorOf(accountId), id, { configuration: { merchant_account: 'After' } });
    const [next] = await directory.route(accountId, QUESTION);
    expect(old?.closed).toBe(false);
    expect(await next?.provider.pay(payment('new'))).toMatchObject({ providerReference: 'After:new' });
    // Whoever was given it before is not left with a connection that is being closed.
    expect(await routed?.provider.pay(payment('late'))).toMatchObject({ providerReference: 'After:late' });
    gate?.release();
    expect(await underWay).toMatchObject({ providerReference: 'Before:under-way' });
    await expect.poll(() => old?.closed).toBe(true);
    expect(kind.connected.at(-1)?.closed).toBe(false);
  });

  test('of what is disabled or deleted are found, for refunds and look-ups', async () => {
    const accountId = newAccount();
    const id = await add(accountId, 'Gone');
    await gateway.desk.remove(actorOf(accountId), id);
    expect(idsOf(await elsewhere.directory.route(accountId, QUESTION))).toEqual([]);
    const found = await elsewhere.directory.find(accountId, id);
    expect(found).toMatchObject({ id, kind: 'scripted', mode: 'test', retired: true });
    expect(await found?.provider.pay(payment('refund'))).toMatchObject({ result: 'succeeded' });
    expect(await elsewhere.directory.find(accountId, 'prv_nobodys')).toBeUndefined();
    expect(await gateway.directory.find(accountId, 'default')).toBe(installed);
    expect(await elsewhere.directory.find(accountId, 'default')).toBeUndefined();
  });

  test('that cannot be made are left out and logged, and the others serve', async () => {
    const accountId = newAccount();
    const broken = await add(accountId, 'Broken');
    const well = await add(accountId, 'Well');
    // Sealed for another place: what is bound to its row and member opens nowhere else.
    await execute(bench.db.url, `update provider_secrets set pointer = '/url' where provider_id = $1`, [
      broken,
    ]);
    expect(idsOf(await elsewhere.directory.route(accountId, QUESTION))).toEqual([well]);
    expect(bench.log.some((line) => line.includes('cannot be connected') && line.includes(broken))).toBe(
      true,
    );
    await expect(elsewhere.directory.find(accountId, broken)).rejects.toMatchObject({
      code: 'provider_unusable',
      kind: 'unavailable',
    });
  });

  test('are of the mode that the row says, whatever was done to the row', async () => {
    const accountId = newAccount();
    const id = await add(accountId, 'Turned');
    await execute(bench.db.url, 'alter table providers disable trigger providers_transition');
    await execute(bench.db.url, `update providers set mode = 'live' where id = $1`, [id]);
    await execute(bench.db.url, 'alter table providers enable trigger providers_transition');
    expect(await gateway.directory.route(accountId, { ...QUESTION, mode: 'live' })).toEqual([]);
    await expect(gateway.directory.find(accountId, id)).rejects.toThrow(/These are test credentials/);
  });
});

test('closing waits for payments and closes the installed one too', async () => {
  const kind = createTestKind('sandbox');
  const provider = kind.connect({}, 'test', {} as never);
  const last = await bench.gateway({ id: 'default', kind: 'sandbox', mode: 'test', provider });
  const accountId = newAccount();
  await add(accountId, 'Last');
  const [routed] = await last.directory.route(accountId, QUESTION);
  const gate = last.kind.connected.at(-1)?.hold();
  const paying = routed?.provider.pay(payment('last'));
  const closing = last.directory.close();
  gate?.release();
  await closing;
  expect(await paying).toMatchObject({ result: 'succeeded' });
  expect([...last.kind.connected, ...kind.connected].map(({ closed }) => closed)).toEqual([true, true]);
});
