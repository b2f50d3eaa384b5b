import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../../simulators/audio/tones.ts';
import type { FaultRate } from '../../simulators/sandbox-provider/faults.ts';
import { ApiClient } from '../../simulators/stack/api-client.ts';
import { freePort } from '../../simulators/stack/ports.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import { PAYMENT_POINTS, type PaymentPoint } from '../../src/workflows/payments/points.ts';
import { checkAnswer, startCheckedStack } from '../support/acceptance.ts';
import { APPROVED, APPROVED_TOO } from '../support/charge.ts';
import { compareBooks, type Order } from '../support/chaos/books.ts';
import { DyingGateway, type Death } from '../support/chaos/dying-gateway.ts';
import { Integrator, type Wish } from '../support/chaos/integrator.ts';
import { readBooks, settledLate, untilSettled, verifyAudit } from '../support/chaos/records.ts';
import { Slots } from '../support/chaos/slots.ts';
import { table } from '../support/chaos/table.ts';
import { keepCard, payByTelephone } from '../support/chaos/telephone.ts';

/** `CHAOS_SEED` repeats a run: the same orders, faults and deaths. What meets what is up to the machine. */
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.trunc(Math.random() * 0xffff_ffff));
const ORDERS = 1000;
/** So many at once, besides those that wait. */
const AT_ONCE = 24;
/** The gateways die so often at each point. */
const DEATHS_PER_POINT = 3;
/** After these shares of the orders the database's server is killed. */
const DATABASE_DIES_AT = [0.3, 0.6];
const LINES = 4;
const CALLS_PER_LINE = 2;

const PROVIDER_TIMEOUT_MS = 700;
/** The provider's promise. What is `late` arrives sooner. */
const ABSENCE_PROVEN_AFTER_MS = 4000;
const SETTLED_WITHIN_MS = 120_000;
/** Two to three minutes on two idle cores. */
const TEST_WITHIN_MS = 900_000;

/** Published as declined for lack of funds. */
const DECLINED = { number: '4000000000009995' };

const NOT_PROCESSED = ['hang', 'drop', 'server_error'] as const;
const REFUSED = ['rate_limited', 'not_processed'] as const;
const PROCESSED = ['hang_after', 'lose_answer', 'garbage', 'truncated', 'server_error_after'] as const;

const RATES: readonly FaultRate[] = [
  ...(['pay', 'modify'] as const).flatMap((target) => [
    ...NOT_PROCESSED.map((kind) => ({ fault: { kind, target }, probability: 0.02 })),
    ...REFUSED.map((kind) => ({ fault: { kind, target }, probability: 0.02 })),
    ...PROCESSED.map((kind) => ({ fault: { kind, target }, probability: 0.02 })),
    { fault: { kind: 'delay' as const, target, delayMs: 2 * PROVIDER_TIMEOUT_MS }, probability: 0.02 },
    { fault: { kind: 'late' as const, target, delayMs: 3 * PROVIDER_TIMEOUT_MS }, probability: 0.02 },
  ]),
  ...(['hang', 'server_error', 'rate_limited', 'garbage', 'lose_answer'] as const).map((kind) => ({
    fault: { kind, target: 'lookup' as const },
    probability: 0.04,
  })),
  { fault: { kind: 'server_error', target: 'keys' }, probability: 0.1 },
];

interface Named {
  readonly gateway: DyingGateway;
  readonly url: string;
}

let stack: Stack;
let gateways: readonly Named[] = [];
let cards: { readonly vault: readonly string[]; readonly provider: string; readonly declined: string };
const random = seededRandom(SEED);

beforeAll(async () => {
  stack = await startCheckedStack({
    bridge: 'conference',
    lines: LINES,
    durable: true,
    absenceProvenAfterMs: ABSENCE_PROVEN_AFTER_MS,
    environment: { PROVIDER_TIMEOUT_MS: String(PROVIDER_TIMEOUT_MS), RECONCILE_SECONDS: '1' },
  });
  const [first, second, declined, provider] = await Promise.all([
    keepCard(stack, 0, APPROVED, 'vault'),
    keepCard(stack, 1, APPROVED_TOO, 'vault'),
    keepCard(stack, 2, DECLINED, 'vault'),
    keepCard(stack, 3, APPROVED, 'provider'),
  ]);
  cards = { vault: [first, second], declined, provider };
});
afterAll(async () => {
  // Also those of a run that took too long.
  await Promise.all(gateways.map(async ({ gateway }) => await gateway.stop()));
  await stack?.close();
});

it(
  'takes no money twice and loses none, whatever dies',
  async () => {
    process.stdout.write(`CHAOS_SEED=${SEED}\n`);
    const startedMs = performance.now();
    const { provider, databaseUrl } = stack;
    const kills = new Map<PaymentPoint, number>();
    await provider.admin.setFaultRates({ seed: SEED, rates: RATES });
    const called = await telephone();
    await startGateways(kills);
    const clients = gateways.map(({ url }) => clientOf(url));
    try {
      const api = await Promise.all(clients);
      const integrator = new Integrator(api, seededRandom(SEED + 1));
      const ordered = await takeOrders(integrator);
      const ordersMs = performance.now() - startedMs;
      await Promise.all(gateways.map(async ({ gateway }) => await gateway.survived()));
      await untilSettled(databaseUrl, SETTLED_WITHIN_MS);
      const settledMs = performance.now() - startedMs;

      const books = await readBooks(databaseUrl);
      const ledger = {
        payments: await provider.admin.ledger(),
        modifications: await provider.admin.modifications(),
      };
      const orders = [...ordered, ...called];
      const disagreements = compareBooks(ledger, books, orders);
      process.stdout.write(
        table({
          payments: {
            ordered: ordered.length,
            'sent twice at once': wishes.filter(({ twice }) => twice).length,
            'by telephone, submitted twice': called.length,
            ...countOf(books.payments.map(({ status }) => status)),
          },
          'changes at the provider': countOf(ledger.modifications.map(({ modification }) => modification)),
          'clients saw': { ...integrator.tally },
          'faults struck': await provider.admin.struck(),
          'gateways killed': Object.fromEntries(kills),
          'database killed': { times: DATABASE_DIES_AT.length },
          'not known for a while, then': await settledLate(databaseUrl),
          seconds: { orders: Math.round(ordersMs / 1000), settled: Math.round(settledMs / 1000) },
          disagreements: countOf(disagreements.map(({ kind }) => kind)),
        }),
      );
      expect(disagreements).toEqual([]);
      expect(orders.filter(({ told }) => told === 'captured').length).toBeGreaterThan(ORDERS / 4);
      expect(Object.fromEntries(kills)).toEqual(
        Object.fromEntries(PAYMENT_POINTS.map((point) => [point, DEATHS_PER_POINT])),
      );
      expect(await verifyAudit(stack)).toMatch(/^acc_demo: sound: \d+ records/);
    } finally {
      for (const client of clients) (await client).close();
    }
  },
  TEST_WITHIN_MS,
);

/** What the orders are, worked out before anything runs. */
const wishes: Wish[] = [];

function wish(index: number): Wish {
  const purpose = random() < 0.35 ? 'authorize' : 'charge';
  const amount = 400 + 4 * Math.trunc(random() * 2000);
  const drawn = random();
  const [visa = '', other = ''] = cards.vault;
  const card: Record<string, string> =
    drawn < 0.35
      ? { provider_token: cards.provider, provider_id: 'default' }
      : { token: drawn < 0.45 ? cards.declined : drawn < 0.75 ? visa : other };
  const twice = random() < 0.15;
  const changing = random();
  return {
    reference: `chaos-${index}`,
    purpose,
    amount,
    card,
    twice,
    changes: changesOf(purpose, amount, changing),
  };
}

function changesOf(purpose: Wish['purpose'], amount: number, drawn: number): Wish['changes'] {
  const refunds = [
    { modification: 'refund', amount: amount / 4 },
    { modification: 'refund', amount: amount / 2 },
  ] as const;
  if (purpose === 'charge') return refunds.slice(0, drawn < 0.2 ? 2 : drawn < 0.35 ? 1 : 0);
  if (drawn < 0.4) return [{ modification: 'capture', amount }];
  if (drawn < 0.6) return [{ modification: 'capture', amount }, ...refunds];
  return drawn < 0.85 ? [{ modification: 'void' }] : [];
}

/** Two gateways on one database, one of them with the telephone system. */
async function startGateways(kills: Map<PaymentPoint, number>): Promise<void> {
  await stack.gateway().stop();
  const deaths = shuffled(
    PAYMENT_POINTS.flatMap((point) => Array.from({ length: DEATHS_PER_POINT }, () => point)),
  ).map((point): Death => ({ point, arrival: 5 + Math.trunc(random() * 40) }));
  const half = Math.ceil(deaths.length / 2);
  const port = await freePort();
  const other = {
    INSTANCE_ID: 'stack-2',
    HTTP_PORT: String(port),
    TELEPHONY_PORT: String(await freePort()),
  };
  gateways = [
    { url: stack.apiUrl, environment: stack.environment, own: deaths.slice(0, half) },
    {
      url: `https://127.0.0.1:${port}`,
      environment: { ...stack.environment, ...other },
      own: deaths.slice(half),
    },
  ].map(({ url, environment, own }, index) => ({
    url,
    gateway: new DyingGateway({
      environment,
      deaths: own,
      random: seededRandom(SEED + 10 + index),
      onDeath: (point) => void kills.set(point, (kills.get(point) ?? 0) + 1),
    }),
  }));
  await Promise.all(gateways.map(async ({ gateway }) => await gateway.up()));
}

async function clientOf(baseUrl: string): Promise<ApiClient> {
  const token = await stack.token();
  return new ApiClient({ baseUrl, ca: stack.caCertificate, token, onAnswer: checkAnswer });
}

/** All orders, some at once; an order that waits lets the next one begin. */
async function takeOrders(integrator: Integrator): Promise<Order[]> {
  wishes.push(...Array.from({ length: ORDERS }, (_, index) => wish(index)));
  const databaseDeaths = DATABASE_DIES_AT.map((share) => Math.trunc(share * ORDERS));
  const orders: Promise<Order>[] = [];
  const restarts: Promise<void>[] = [];
  const slots = new Slots(AT_ONCE);
  for (const [index, wanted] of wishes.entries()) {
    const letGo = await slots.take();
    if (databaseDeaths.includes(index)) restarts.push(stack.restartDatabase());
    orders.push(integrator.order(wanted, letGo).finally(letGo));
  }
  const taken = await Promise.all(orders);
  await Promise.all(restarts);
  return taken;
}

/** Calls on every line, one after the other. */
async function telephone(): Promise<Order[]> {
  const lines = await Promise.all(
    Array.from({ length: LINES }, async (_, line) => {
      const orders: Order[] = [];
      for (let index = 0; index < CALLS_PER_LINE; index += 1) {
        const reference = `chaos-call-${line}-${index}`;
        orders.push(await payByTelephone(stack, { line, reference, amount: 4200, card: APPROVED }));
      }
      return orders;
    }),
  );
  return lines.flat();
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ item }) => item);
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
