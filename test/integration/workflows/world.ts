import { setTimeout as delay } from 'node:timers/promises';
import { SCOPES } from '../../../src/access/principal.ts';
import type { Database } from '../../../src/db/database.ts';
import { createLogger, type Logger } from '../../../src/kernel/logger.ts';
import type { CallSnapshot } from '../../../src/telephony/contract.ts';
import { createCallJournal } from '../../../src/workflows/call-journal.ts';
import { Captures } from '../../../src/workflows/capture-desk.ts';
import type {
  Actor,
  CaptureEvent,
  CaptureRequest,
  CaptureResource,
  CaptureStatus,
  CaptureSubscription,
} from '../../../src/workflows/contract.ts';
import type { PaymentDependencies } from '../../../src/workflows/payments/dependencies.ts';
import type { CardVault } from '../../../src/workflows/tokens/contract.ts';
import { ensureAccount } from '../../../src/workflows/stores/account-store.ts';
import { execute, type TestDatabase } from '../../support/database.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { createTestNumbers } from '../../support/numbers.ts';
import { paymentsWith } from '../../support/payments.ts';
import { callOf, FakeCalls, FakeProvider } from './fakes.ts';

export const VISA = '4012001037141112';
export const EXPIRY = '1229';
export const SECURITY_CODE = '987';
export const PIN = '73914682';
export const CARD = `${VISA}#${EXPIRY}${SECURITY_CODE}`;

export const CHARGE: CaptureRequest = {
  purpose: 'charge',
  amount: { value: 4200, currency: 'EUR' },
  reference: 'order-1',
};

/** Waits for what comes about by itself: fails after ten seconds. */
export async function until<T>(check: () => T | Promise<T>): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== null && value !== false) {
      return value as Exclude<T, undefined | null | false>;
    }
    if (performance.now() > deadline) throw new Error(`never came about: ${check.toString()}`);
    await delay(2);
  }
}

let accounts = 0;

const NUMBERS = await createTestNumbers();

/** One process with one connected call of an account of its own, on a database that may be shared. */
export class World {
  readonly db: TestDatabase;
  readonly accountId: string;
  readonly actor: Actor;
  readonly clock = new ManualClock();
  readonly calls = new FakeCalls();
  readonly provider = new FakeProvider();
  readonly instanceId: string;
  readonly call: CallSnapshot;
  readonly captures: Captures;
  readonly logged: string[];
  readonly vault: { readonly vault?: CardVault };

  private constructor(db: TestDatabase, call: CallSnapshot, options: WorldOptions) {
    this.db = db;
    this.call = call;
    this.accountId = call.accountId;
    this.actor = {
      accountId: call.accountId,
      subject: 'agent-1',
      clientId: 'crm',
      roles: ['integrator'],
      scopes: new Set(SCOPES),
      reach: ['account'],
    };
    this.instanceId = options.instanceId ?? `instance-${call.callId}`;
    this.calls.calls.set(call.callId, call);
    this.logged = [];
    this.vault = options.vault ? { vault: options.vault } : {};
    this.captures = this.desk(options.database);
  }

  static async start(db: TestDatabase, options: WorldOptions = {}): Promise<World> {
    accounts += 1;
    const accountId = `acme-${accounts}`;
    const call = callOf(accountId);
    await db.database.transaction(accountId, async (tx) => await ensureAccount(tx, accountId));
    const world = new World(db, call, options);
    await world.keep(call);
    return world;
  }

  /** Another process on the same database that carries the same calls. */
  desk(
    database: Database = this.db.database,
    instanceId = this.instanceId,
    change: Partial<PaymentDependencies> = {},
  ): Captures {
    return new Captures({
      ...this.payments({ database, instanceId, ...change }),
      calls: this.calls,
      defaults: {
        guard: 'until_proven',
        secureTimeoutMs: 2000,
        interDigitTimeoutSeconds: 10,
        timeoutSeconds: 300,
        mode: 'test',
        tokenStorage: 'provider',
      },
    });
  }

  /** What payments are made with in this process; a reconciler takes the same. */
  payments(change: Partial<PaymentDependencies> = {}): PaymentDependencies {
    return paymentsWith({
      database: this.db.database,
      provider: this.provider,
      clock: this.clock,
      logger: this.logger,
      instanceId: this.instanceId,
      ...this.vault,
      ...change,
    });
  }

  get logger(): Logger {
    return createLogger('debug', { write: (line: string) => void this.logged.push(line) });
  }

  /** Writes a call as the telephone system does. */
  async keep(call: CallSnapshot): Promise<void> {
    this.calls.calls.set(call.callId, call);
    const journal = createCallJournal(this.db.database, this.instanceId, NUMBERS);
    await journal.save({ snapshot: call, callSid: `sid-${call.callId}` });
  }

  async create(change: Partial<CaptureRequest> = {}): Promise<CaptureResource> {
    return await this.captures.create(this.actor, { call_id: this.call.callId, ...CHARGE, ...change });
  }

  /** A capture that collects. */
  async collecting(change: Partial<CaptureRequest> = {}): Promise<CaptureResource> {
    const { id } = await this.create(change);
    return await this.reaches(id, 'collecting');
  }

  async reaches(captureId: string, ...statuses: CaptureStatus[]): Promise<CaptureResource> {
    return await until(async () => {
      const capture = await this.captures.get(this.actor, captureId);
      return statuses.includes(capture.status) && capture;
    });
  }

  /** The capture's row once everything about its end is written. */
  async ended(captureId: string): Promise<CaptureRow> {
    await until(() => !this.captures.isCaptured(this.call.callId));
    return await this.row(captureId);
  }

  async row(captureId: string): Promise<CaptureRow> {
    const rows = await execute<CaptureRow>(
      this.db.url,
      'select status, reason, view, evidence, ended_at is not null as ended from captures where id = $1',
      [captureId],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('no such row');
    return row;
  }

  async attempts(captureId: string): Promise<AttemptRow[]> {
    return await execute<AttemptRow>(
      this.db.url,
      `select id, state, failure, idempotency_key as key, amount::int, currency, brand, last4, provider_reference as reference,
              sends::int, authorization_code as code, decline_reason as reason, raw_code, finished_at is not null as finished
       from payment_attempts where capture_id = $1 order by created_at`,
      [captureId],
    );
  }

  /** The payment of a capture. */
  async payment(captureId: string): Promise<PaymentRow | undefined> {
    const rows = await execute<PaymentRow>(
      this.db.url,
      `select id, status, mode, purpose, amount_captured::int as captured, amount_refunded::int as refunded,
              decline_reason as reason, failure, token, token_to_shred as shred
       from payments where capture_id = $1`,
      [captureId],
    );
    return rows[0];
  }

  async storedEvents(captureId: string): Promise<CaptureEvent[]> {
    const rows = await execute<{ payload: CaptureEvent }>(
      this.db.url,
      'select payload from capture_events where capture_id = $1 order by sequence',
      [captureId],
    );
    return rows.map(({ payload }) => payload);
  }

  /** The operations on record in the audit trail, in order. */
  async audited(captureId: string): Promise<string[]> {
    const rows = await execute<{ operation: string }>(
      this.db.url,
      'select operation from audit_records where account_id = $1 and object_id = $2 order by sequence',
      [this.accountId, captureId],
    );
    return rows.map(({ operation }) => operation);
  }

  /** The types of the events that the account was told, in order. */
  async told(captureId: string): Promise<string[]> {
    const rows = await execute<{ type: string }>(
      this.db.url,
      'select type from account_events where account_id = $1 and capture_id = $2 order by sequence',
      [this.accountId, captureId],
    );
    return rows.map(({ type }) => type);
  }

  /** Moves the clock to the one timer that waits, once it does. */
  async elapse(ms: number): Promise<void> {
    await until(() => this.clock.pending > 0);
    this.clock.advance(ms);
  }
}

export interface WorldOptions {
  readonly vault?: CardVault;
  readonly instanceId?: string;
  readonly database?: Database;
}

export interface CaptureRow {
  readonly status: CaptureStatus;
  readonly reason: string | null;
  readonly view: CaptureResource;
  readonly evidence: Record<string, unknown> | null;
  readonly ended: boolean;
}

export interface AttemptRow {
  readonly id: string;
  readonly state: string;
  readonly failure: string | null;
  readonly key: string;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly brand: string | null;
  readonly last4: string | null;
  readonly reference: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly raw_code: string | null;
  readonly finished: boolean;
  readonly sends: number;
}

export interface PaymentRow {
  readonly id: string;
  readonly status: string;
  readonly mode: string;
  readonly purpose: string;
  readonly captured: number;
  readonly refunded: number;
  readonly reason: string | null;
  readonly failure: string | null;
  readonly token: string | null;
  readonly shred: string | null;
}

/** One client that follows a capture. */
export class Follower {
  readonly events: CaptureEvent[] = [];
  ended = 0;
  /** Events that came after the end, which there must be none of. */
  late = 0;
  subscription: CaptureSubscription | undefined;

  static async of(world: World, captureId: string, after = 0, desk = world.captures): Promise<Follower> {
    const follower = new Follower();
    follower.subscription = await desk.follow(
      world.actor,
      captureId,
      after,
      (event) => {
        if (follower.ended > 0) follower.late += 1;
        follower.events.push(event);
      },
      () => (follower.ended += 1),
    );
    return follower;
  }

  get sequences(): number[] {
    return this.events.map(({ sequence }) => sequence);
  }

  get statuses(): CaptureStatus[] {
    return this.events.map(({ capture }) => capture.status);
  }
}

/** From `first` to `last`, each once. */
export const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
