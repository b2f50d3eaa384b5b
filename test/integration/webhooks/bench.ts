import { Logger as JobLogger, runOnce, type TaskList } from 'graphile-worker';
import { createSecretSeal } from '../../../src/events/webhooks/secret-seal.ts';
import { createSender, type Sender } from '../../../src/events/webhooks/sender.ts';
import type { AddressPolicy } from '../../../src/kernel/address-guard.ts';
import { publish } from '../../../src/events/outbox-store.ts';
import type { CaptureEventName, NewAccountEvent, PaymentEventName } from '../../../src/events/types.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { Actor } from '../../../src/workflows/contract.ts';
import type { DeliverOptions } from '../../../src/workflows/webhooks/deliver.ts';
import { Webhooks } from '../../../src/workflows/webhooks/desk.ts';
import { webhookTasks } from '../../../src/workflows/webhooks/runner.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { insertAccount, insertCall, insertCapture } from '../../support/rows.ts';

export const ACCOUNT = 'acc_hooks';
export const CAPTURE = 'cap_one';

export const LOOPBACK: AddressPolicy = { allowPrivate: true, allowPlainLoopback: true };

export const ACTOR: Actor = {
  accountId: ACCOUNT,
  subject: 'integration',
  clientId: 'client-1',
  roles: ['integrator'],
  scopes: new Set(['webhooks:write', 'webhooks:read', 'events:read']),
  reach: ['account'],
};

/** Wall time stands still until it is moved; timers do not run. */
export interface SetClock extends Clock {
  set(at: Date): void;
  advance(ms: number): void;
}

export function setClock(start = new Date()): SetClock {
  let at = start;
  return {
    now: () => at,
    monotonicMs: () => at.getTime(),
    after: () => ({ cancel: () => undefined }),
    set: (to) => {
      at = to;
    },
    advance: (ms) => {
      at = new Date(at.getTime() + ms);
    },
  };
}

export interface Bench {
  readonly db: TestDatabase;
  readonly clock: SetClock;
  readonly desk: Webhooks;
  readonly deliver: DeliverOptions;
  readonly tasks: TaskList;
  /** Commits a change with these events. */
  tell(...events: NewAccountEvent[]): Promise<void>;
  /** Runs every job that is due, and those that come of it, and stops. */
  work(): Promise<void>;
  /** Moves the clock to the next time that a delivery is due and works; false when none is pending. */
  workNext(): Promise<boolean>;
  /** The next time that a delivery is due. */
  nextDue(): Promise<Date | undefined>;
  states(): Promise<{ state: string; attempts: number }[]>;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly send?: Sender;
  readonly start?: Date;
}

export async function makeBench(options: BenchOptions = {}): Promise<Bench> {
  const db = await createTestDatabase();
  const { database, url } = db;
  await database.transaction(ACCOUNT, async (tx) => {
    await insertAccount(tx, ACCOUNT);
    await insertCall(tx, ACCOUNT, 'call_one');
    await insertCapture(tx, ACCOUNT, 'call_one', CAPTURE);
    await insertCall(tx, ACCOUNT, 'call_two');
    await insertCapture(tx, ACCOUNT, 'call_two', 'cap_two');
  });
  const clock = setClock(options.start);
  const seal = createSecretSeal([Buffer.alloc(32, 7)]);
  const deliver: DeliverOptions = {
    database,
    seal,
    send: options.send ?? createSender({ policy: LOOPBACK }),
    clock,
    logger: silentLogger,
    random: () => 0.5,
  };
  const tasks: TaskList = { ...webhookTasks(deliver) };
  const work = async (): Promise<void> => {
    await runOnce({
      connectionString: url,
      taskList: tasks,
      noHandleSignals: true,
      logger: new JobLogger(() => () => undefined),
    });
  };
  const nextDue = async (): Promise<Date | undefined> => {
    const [row] = await execute<{ at: Date | null }>(
      url,
      `select min(next_attempt_at) as at from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
       where d.state = 'pending' and e.enabled and not exists (
         select from webhook_deliveries earlier where earlier.state = 'pending'
           and earlier.endpoint_id = d.endpoint_id and earlier.stream = d.stream
           and earlier.event_sequence < d.event_sequence)`,
    );
    return row?.at ?? undefined;
  };
  return {
    db,
    clock,
    desk: new Webhooks({ database, seal, policy: LOOPBACK, clock }),
    deliver,
    tasks,
    tell: async (...events) =>
      await database.transaction(ACCOUNT, async (tx) => await publish(tx, ACCOUNT, events)),
    work,
    nextDue,
    async workNext() {
      const due = await nextDue();
      if (due === undefined) return false;
      if (due > clock.now()) clock.set(due);
      // Jobs wait by the database's clock, which no test can move: their time has come.
      await execute(url, 'update graphile_worker._private_jobs set run_at = now() where run_at > now()');
      await work();
      return true;
    },
    states: async () =>
      await execute(
        url,
        'select state, attempts from webhook_deliveries order by event_sequence, endpoint_id',
      ),
    close: async () => await db.close(),
  };
}

export function captureEvent(
  type: CaptureEventName | PaymentEventName,
  at: Date,
  captureId: string = CAPTURE,
): NewAccountEvent {
  const capture = {
    id: captureId,
    call_id: 'call_one',
    status: type.slice(type.indexOf('.') + 1),
    purpose: 'charge',
    amount: { value: 4200, currency: 'EUR' },
    brand: 'visa',
    last4: '4242',
    created_at: at.toISOString(),
    updated_at: at.toISOString(),
  };
  if (type.startsWith('payment.')) {
    const data = { capture, payment: { status: capture.status, purpose: 'charge' } };
    return { type, at, captureId, data } as NewAccountEvent;
  }
  return { type, at, captureId, data: { capture } } as NewAccountEvent;
}
