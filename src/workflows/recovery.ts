import type { AuditEntry } from '../audit/entry.ts';
import { appendAudit } from '../audit/store.ts';
import type { Database, Queryable } from '../db/database.ts';
import { publish } from '../events/outbox-store.ts';
import { appendCaptureEvents, lastSequence } from '../events/store.ts';
import type { NewAccountEvent } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CaptureEvent, CaptureFieldResource, CaptureResource, PaymentResource } from './contract.ts';
import { paymentStatusChanged } from './payments/audit.ts';
import { doubt } from './payments/settle.ts';
import { endUnsentPayment } from './payments/unsent.ts';
import {
  doubtAttemptsOfCapture,
  findAttemptsOfInstance,
  releaseAttemptsOfInstance,
} from './stores/attempt-claim-store.ts';
import { findRecordedAttempt } from './stores/attempt-store.ts';
import { lockPaymentOfCapture, updatePayment, type PaymentRecord } from './stores/payment-store.ts';
import {
  lockOpenCaptures,
  updateCapture,
  type CaptureOwner,
  type OpenCapture,
} from './stores/capture-store.ts';
import { captureInterrupted } from './take-payment/capture-audit.ts';
import { accountEventsOf } from './take-payment/account-events.ts';
import { recordedPayment } from './take-payment/resource.ts';

/**
 * A process that died may have told its clients of events that it had not written yet. What comes after it starts
 * this much higher, so that no sequence number is ever used twice.
 */
const SEQUENCE_GAP = 1000;

export interface RecoveryDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Ends the captures that a process left open when it died: `interrupted`, their attempts `unknown`. The digits are
 * gone with that process. The lock stays on the call until a new capture, the call's end or a release.
 */
export async function interruptOrphans(
  { database, clock, logger }: RecoveryDependencies,
  owner: CaptureOwner,
): Promise<void> {
  const interrupted = await database.systemTransaction(async (db) => {
    const orphans = await lockOpenCaptures(db, owner);
    const interruptions: Interruption[] = [];
    // A process that starts under the name of another knows that it is dead; who takes over a call does not.
    const ownerIsDead = !('callId' in owner);
    for (const orphan of orphans) {
      interruptions.push(await interrupt(db, orphan, ownerIsDead, clock.now()));
    }
    await tellAccounts(db, interruptions);
    await appendAudit(
      db,
      interruptions.flatMap(({ audited }) => audited),
    );
    return orphans;
  });
  for (const { view } of interrupted) {
    logger.warn('capture interrupted by a crash', { captureId: view.id, callId: view.call_id });
  }
}

/**
 * What a process under this name had sent when it died becomes `unknown`, and all that it held is anybody's to look up.
 * After `interruptOrphans`.
 */
export async function abandonAttempts(dependencies: RecoveryDependencies, instanceId: string): Promise<void> {
  const { database, clock, logger } = dependencies;
  const attempts = await database.systemTransaction(
    async (db) => await findAttemptsOfInstance(db, instanceId),
  );
  for (const attempt of attempts) {
    const at = clock.now();
    const { holder } = attempt;
    await doubt(dependencies, attempt, { holder: holder ?? '', givenUpAt: at, leaseUntil: at });
    logger.warn('payment attempt interrupted by a crash', {
      accountId: attempt.accountId,
      attemptId: attempt.id,
    });
  }
  await database.systemTransaction(
    async (db) => await releaseAttemptsOfInstance(db, instanceId, clock.now()),
  );
}

interface Interruption {
  readonly accountId: string;
  readonly audited: readonly AuditEntry[];
  readonly told: readonly NewAccountEvent[];
}

/** Always in the same order of accounts: each has a lock of its own. */
async function tellAccounts(db: Queryable, interruptions: readonly Interruption[]): Promise<void> {
  for (const account of [...new Set(interruptions.map(({ accountId }) => accountId))].sort()) {
    const own = interruptions.filter(({ accountId }) => accountId === account);
    await publish(
      db,
      account,
      own.flatMap(({ told }) => told),
    );
  }
}

async function interrupt(
  db: Queryable,
  { accountId, view }: OpenCapture,
  ownerIsDead: boolean,
  at: Date,
): Promise<Interruption> {
  // In the order of `settle`: capture, payment, attempt, events, audit.
  const before = await lockPaymentOfCapture(db, view.id);
  await doubtAttemptsOfCapture(db, view.id, ownerIsDead, at);
  const doubted = await doubtPayment(db, view, before, at);
  const payment = await paymentOf(db, view);
  const { focus: _focus, paused: _paused, interruption: _interruption, ...rest } = view;
  const capture: CaptureResource = {
    ...rest,
    status: 'interrupted',
    fields: rest.fields.map(withoutKeyed),
    ...(payment && { payment }),
    updated_at: at.toISOString(),
    ended_at: at.toISOString(),
  };
  const sequence = (await lastSequence(db, view.id)) + SEQUENCE_GAP;
  const event: CaptureEvent = { sequence, type: 'capture.status', at: capture.updated_at, capture };
  await updateCapture(db, capture);
  await appendCaptureEvents(db, accountId, view.id, [
    { sequence, type: event.type, payload: event, createdAt: at },
  ]);
  const unsent = await endUnsentPayment(db, capture);
  return {
    accountId,
    audited: [captureInterrupted(accountId, view, capture), ...doubted, ...unsent],
    told: accountEventsOf(view, capture),
  };
}

/** What was half keyed died with the process; a capture that ends shows such a field as empty. */
function withoutKeyed(field: CaptureFieldResource): CaptureFieldResource {
  if (field.status !== 'collecting') return field;
  const { brand: _brand, ...rest } = field;
  return { ...rest, status: 'empty', digits: 0 };
}

/** A payment follows its attempt. */
async function doubtPayment(
  db: Queryable,
  view: CaptureResource,
  payment: PaymentRecord | undefined,
  at: Date,
): Promise<AuditEntry[]> {
  const recorded = await findRecordedAttempt(db, view.id);
  if (recorded?.state !== 'unknown' || payment?.status !== 'processing') return [];
  const doubted = { ...payment, status: 'unknown' as const, updatedAt: at };
  await updatePayment(db, doubted);
  return [paymentStatusChanged(payment, doubted, 'process_lost')];
}

/**
 * Attempts are written at once and events behind, so an attempt may know more than the capture's last event. Without
 * an attempt nothing was sent, whatever the event said.
 */
async function paymentOf(db: Queryable, view: CaptureResource): Promise<PaymentResource | undefined> {
  const recorded = await findRecordedAttempt(db, view.id);
  if (recorded !== undefined) return recordedPayment(recorded);
  const { payment } = view;
  return payment && { ...(payment.id !== undefined && { id: payment.id }), status: 'failed' };
}
