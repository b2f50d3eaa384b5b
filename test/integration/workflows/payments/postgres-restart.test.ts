import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../../../src/db/database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../../src/db/embedded.ts';
import { migrate } from '../../../../src/db/migrate.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { PaymentDependencies } from '../../../../src/workflows/payments/dependencies.ts';
import { makeDataDir } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import type { Fate } from '../../../support/ledger-provider.ts';
import { until } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

let dataDir: string;
let postgres: EmbeddedPostgres;
let database: Database;
let keys: TestKeyRing;

const portOf = (url: string): number => Number(new URL(url).port);

beforeAll(async () => {
  dataDir = await makeDataDir();
  postgres = await startEmbeddedPostgres({ dataDir });
  await migrate(postgres.url);
  database = openDatabase({ url: postgres.url, poolSize: 6, logger: silentLogger });
  keys = await createTestKeyRing({ database, url: postgres.url });
}, 60_000);

afterAll(async () => {
  await keys.close();
  await database.close();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function restart(whileDown: () => Promise<void> | void): Promise<void> {
  const port = portOf(postgres.url);
  await postgres.stop();
  await whileDown();
  postgres = await startEmbeddedPostgres({ dataDir, port });
  expect(portOf(postgres.url)).toBe(port);
}

/** Real time: the database comes back by itself, and so do the writes that wait for it. */
const inRealTime: Partial<PaymentDependencies> = { clock: systemClock };

test('an answer that comes while the database is away is told, and written once it is back', async () => {
  const shop = await Shop.start({ url: postgres.url, database, close: async () => undefined }, keys);
  const token = await shop.card();
  let answer: (fate: Fate) => void = () => undefined;
  shop.provider.fate = async () => await new Promise<Fate>((resolve) => (answer = resolve));
  const paying = shop
    .open(inRealTime)
    .create(shop.actor, { purpose: 'charge', amount: AMOUNT, token }, shop.claim());
  await until(() => shop.provider.sent.length === 1);
  await restart(async () => {
    answer('answered');
    // The provider has the money: whoever asked is told so, though nothing can be written at the moment.
    expect(await paying).toMatchObject({ status: 'captured', amount_captured: AMOUNT });
  });
  const { id } = await paying;
  const found = await until(async () => {
    const payment = await shop.get(id).catch(() => undefined);
    return payment?.status === 'captured' && payment;
  });
  expect(found).toMatchObject({ provider_reference: 'first-1', authorization_code: 'A1' });
  expect(shop.provider.entries()).toMatchObject([{ requests: 1 }]);
  expect((await shop.told()).map(({ type }) => type)).toEqual(['payment.succeeded']);
}, 60_000);

test('what cannot be written is not sent, and the request can come again', async () => {
  const shop = await Shop.start({ url: postgres.url, database, close: async () => undefined }, keys);
  const token = await shop.card();
  const desk = shop.open(inRealTime);
  const claim = shop.claim();
  const request = { purpose: 'charge', amount: AMOUNT, token } as const;
  await restart(async () => {
    await expect(desk.create(shop.actor, request, claim)).rejects.toMatchObject({
      code: 'database_unavailable',
      kind: 'unavailable',
    });
  });
  expect(shop.provider.sent).toEqual([]);
  const paid = await until(async () => await desk.create(shop.actor, request, claim).catch(() => undefined));
  expect(paid).toMatchObject({ status: 'captured' });
  expect(shop.provider.taken).toBe(AMOUNT.value);
}, 60_000);

test('a refund over a restart gives the money back once', async () => {
  const shop = await Shop.start({ url: postgres.url, database, close: async () => undefined }, keys);
  const desk = shop.open(inRealTime);
  const { id } = await desk.create(shop.actor, {
    purpose: 'charge',
    amount: AMOUNT,
    token: await shop.card(),
  });
  let answer: (fate: Fate) => void = () => undefined;
  shop.provider.fate = async () => await new Promise<Fate>((resolve) => (answer = resolve));
  const refunding = desk.refund(shop.actor, id, {});
  await until(() => shop.provider.sent.length === 2);
  await restart(async () => {
    answer('answered');
    expect(await refunding).toMatchObject({ status: 'refunded' });
  });
  await until(async () => (await shop.get(id).catch(() => undefined))?.status === 'refunded');
  await expect(desk.refund(shop.actor, id, {})).rejects.toMatchObject({ code: 'payment_not_captured' });
  expect(shop.provider.taken).toBe(0);
}, 60_000);
