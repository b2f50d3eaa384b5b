import type { AuditEntry } from '../../audit/entry.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Queryable } from '../../db/database.ts';
import type { EventFeed } from '../../events/feed.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { auditEntry } from '../audit-entry.ts';
import type { Actor, CaptureEvent, CaptureRequest, IdempotencyClaim } from '../contract.ts';
import { interruptOrphans } from '../recovery.ts';
import { insertCapture } from '../stores/capture-store.ts';
import { insertPayment, newPaymentRecord, type PaymentRecord } from '../stores/payment-store.ts';
import { captureCreated } from '../take-payment/capture-audit.ts';
import { CaptureEventLog } from '../take-payment/event-log.ts';
import type { CaptureIdentity } from '../take-payment/resource.ts';
import { RunningCapture } from '../take-payment/running-capture.ts';
import { untilWritten } from '../until-written.ts';
import { askedCall } from './asked-call.ts';
import { askedOrder } from './asked-order.ts';
import type { CaptureDependencies } from './dependencies.ts';
import { allowedRequest, countUse } from './grant.ts';

/** A capture that is on record and does nothing yet. Rejects as `CaptureDesk.create`, and then there is none. */
export async function recordCapture(
  dependencies: CaptureDependencies & { readonly feed: EventFeed<CaptureEvent> },
  actor: Actor,
  asked: CaptureRequest,
  claim: IdempotencyClaim | undefined,
): Promise<RunningCapture> {
  const { database, calls, defaults, clock, logger, feed } = dependencies;
  const { accountId } = actor;
  const request = await allowedRequest(database, actor, asked);
  const call = askedCall(calls, actor, request);
  const order = await askedOrder(dependencies, actor, request);
  const { grantId } = actor;
  const identity: CaptureIdentity = {
    id: newId('cap'),
    accountId,
    callId: call.callId,
    agentId: call.agentId,
    ...(grantId !== undefined && { grantId }),
    createdAt: clock.now(),
    order,
    ...(order.purpose !== 'tokenize' && { paymentId: newId('pay') }),
  };
  const log = new CaptureEventLog({ database, feed, clock, logger, accountId });
  const capture = new RunningCapture(
    { ...dependencies, log, secureTimeoutMs: defaults.secureTimeoutMs },
    identity,
  );
  try {
    await committed(dependencies, identity, async (db) => {
      await write(db, dependencies, actor, { request, capture, claim });
    });
  } catch (error) {
    // Refusals can come faster than garbage is collected, and secret memory is scarce.
    capture.discard();
    throw error;
  }
  return capture;
}

/** The capture, its payment, the use of its grant, and the records of all three. */
async function write(
  db: Queryable,
  { instanceId, clock }: CaptureDependencies,
  actor: Actor,
  {
    request,
    capture,
    claim,
  }: {
    readonly request: CaptureRequest;
    readonly capture: RunningCapture;
    readonly claim: IdempotencyClaim | undefined;
  },
): Promise<void> {
  const { identity, resource } = capture;
  const { accountId, grantId } = actor;
  if (grantId !== undefined) await countUse(db, grantId, clock.now());
  const inserted = await insertCapture(db, {
    accountId,
    instanceId,
    requestedBy: actor.subject,
    request,
    resource,
    ...(grantId !== undefined && { grantId }),
    ...(claim && { idempotencyId: claim.id }),
  });
  // Thrown in here: a grant is not used up by a capture that there is not.
  if (!inserted) throw new HushtoneError('capture_running', 'conflict', 'A capture runs on this call.');
  const payment = paymentOf(identity, actor.subject);
  if (payment !== undefined) await insertPayment(db, payment);
  const audited: AuditEntry[] = [captureCreated(actor, resource, payment?.id)];
  if (grantId !== undefined) {
    const use = { capture_id: identity.id };
    audited.push(auditEntry(actor, 'grant.use', { type: 'grant', id: grantId }, { after: use }));
  }
  await appendAudit(db, audited);
}

/** Whatever fails, no capture is left on record that nobody runs. */
async function committed(
  { database, clock, logger }: CaptureDependencies,
  { accountId, id: captureId }: CaptureIdentity,
  work: (db: Queryable) => Promise<void>,
): Promise<void> {
  let done = false;
  try {
    await database.transaction(accountId, async (db) => {
      await work(db);
      done = true;
    });
  } catch (error) {
    // The answer to the commit may be what was lost: a row that nobody runs would block its call.
    if (done) {
      void untilWritten(
        async () => await interruptOrphans({ database, clock, logger }, { captureId }),
        clock,
        (failure) => logger.error('capture not withdrawn', { captureId, error: failure }),
      );
    }
    throw error;
  }
}

/** The payment that a capture with money begins with. */
function paymentOf(identity: CaptureIdentity, requestedBy: string): PaymentRecord | undefined {
  const { paymentId, order } = identity;
  const { amount, purpose, token } = order;
  if (paymentId === undefined || amount === undefined || purpose === 'tokenize') return undefined;
  return newPaymentRecord({
    id: paymentId,
    accountId: identity.accountId,
    mode: order.mode,
    purpose,
    status: 'requires_capture',
    amount: amount.value,
    currency: amount.currency,
    reference: order.reference ?? null,
    customerReference: order.customerReference ?? null,
    captureId: identity.id,
    callId: identity.callId,
    token: token?.id ?? null,
    brand: token?.brand ?? null,
    last4: token?.last4 ?? null,
    requestedBy,
    createdAt: identity.createdAt,
    updatedAt: identity.createdAt,
  });
}
