import type { AuditEntry } from '../audit/entry.ts';
import { appendAudit } from '../audit/store.ts';
import type { Queryable } from '../db/database.ts';
import { EventFeed } from '../events/feed.ts';
import { readCaptureEvents } from '../events/store.ts';
import type { Timer } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Calls, CallSnapshot } from '../telephony/contract.ts';
import { auditEntry } from './audit-entry.ts';
import { listCaptures } from './capture-list.ts';
import type {
  Actor,
  CaptureDesk,
  CaptureEvent,
  CaptureListing,
  CapturePage,
  CaptureRequest,
  CaptureResource,
  CaptureSubscription,
  IdempotencyClaim,
} from './contract.ts';
import { grantEnded, grantedRequest } from './granted-request.ts';
import type { PaymentDependencies } from './payments/dependencies.ts';
import { vaultOf } from './payments/keep-card.ts';
import { providersFor } from './payments/providers-for.ts';
import { reachesCall, reachesCapture } from './reach.ts';
import {
  findCaptureByIdempotencyId,
  findEvidence,
  findOwnedCapture,
  insertCapture,
} from './stores/capture-store.ts';
import { insertPayment, newPaymentRecord, type PaymentRecord } from './stores/payment-store.ts';
import { findGrant, useGrant } from './stores/grant-store.ts';
import { captureCreated } from './take-payment/capture-audit.ts';
import { CaptureEventLog } from './take-payment/event-log.ts';
import { checkOrder, refuseCardLike, type CaptureDefaults, type PaymentOrder } from './take-payment/order.ts';
import { interruptOrphans } from './recovery.ts';
import { untilWritten } from './until-written.ts';
import { isEnded, type CaptureIdentity } from './take-payment/resource.ts';
import { RunningCapture } from './take-payment/running-capture.ts';

/** A command is answered when its audit record is written; this long at most. */
const RECORD_WITHIN_MS = 10_000;
/** A replay reads this many stored events at a time. */
const REPLAY_PAGE = 500;

export interface CaptureDeskOptions extends PaymentDependencies {
  readonly calls: Calls;
  readonly defaults: CaptureDefaults;
}

/** The captures of this process, behind the contract that `http` offers to clients. */
export class Captures implements CaptureDesk {
  readonly #options: CaptureDeskOptions;
  readonly #feed = new EventFeed<CaptureEvent>();
  readonly #running = new Map<string, RunningCapture>();

  constructor(options: CaptureDeskOptions) {
    this.#options = options;
  }

  /** Whether a capture of this process runs on the call. */
  isCaptured(callId: string): boolean {
    for (const capture of this.#running.values()) if (capture.identity.callId === callId) return true;
    return false;
  }

  async create(actor: Actor, asked: CaptureRequest, claim?: IdempotencyClaim): Promise<CaptureResource> {
    const { database, defaults, instanceId, clock, logger } = this.#options;
    refuseCardLike(actor.subject, 'subject');
    const started = claim?.takenOver === true ? await this.#startedUnder(claim) : undefined;
    if (started !== undefined) return started;
    const request = await this.#allowed(actor, asked);
    const call = this.#callOf(actor, request);
    const order = await this.#order(actor, request);
    const { grantId } = actor;
    const identity = {
      id: newId('cap'),
      accountId: actor.accountId,
      callId: call.callId,
      agentId: call.agentId,
      ...(grantId !== undefined && { grantId }),
      createdAt: clock.now(),
      order,
      ...(order.purpose !== 'tokenize' && { paymentId: newId('pay') }),
    };
    const { accountId } = actor;
    const log = new CaptureEventLog({ database, feed: this.#feed, clock, logger, accountId });
    const capture = new RunningCapture(
      { ...this.#options, log, secureTimeoutMs: defaults.secureTimeoutMs },
      identity,
    );
    try {
      await this.#insert(accountId, identity.id, async (db) => {
        if (grantId !== undefined) await this.#use(db, grantId);
        const inserted = await insertCapture(db, {
          accountId,
          instanceId,
          requestedBy: actor.subject,
          request,
          resource: capture.resource,
          ...(grantId !== undefined && { grantId }),
          ...(claim && { idempotencyId: claim.id }),
        });
        // Thrown in here: a grant is not used up by a capture that there is not.
        if (!inserted) throw new HushtoneError('capture_running', 'conflict', 'A capture runs on this call.');
        const payment = paymentOf(identity, actor.subject);
        if (payment !== undefined) await insertPayment(db, payment);
        const audited: AuditEntry[] = [captureCreated(actor, capture.resource, payment?.id)];
        if (grantId !== undefined) {
          const use = { capture_id: identity.id };
          audited.push(auditEntry(actor, 'grant.use', { type: 'grant', id: grantId }, { after: use }));
        }
        await appendAudit(db, audited);
      });
    } catch (error) {
      // Refusals can come faster than garbage is collected, and secret memory is scarce.
      capture.discard();
      throw error;
    }
    this.#running.set(identity.id, capture);
    void capture.whenEnded.then(() => this.#running.delete(identity.id));
    capture.start();
    return capture.resource;
  }

  async page(actor: Actor, listing: CaptureListing): Promise<CapturePage> {
    return await listCaptures(this.#options.database, actor, listing);
  }

  async get(actor: Actor, captureId: string): Promise<CaptureResource> {
    const running = this.#runningOf(actor, captureId);
    return running?.resource ?? (await this.#stored(actor, captureId));
  }

  async command(
    actor: Actor,
    captureId: string,
    command: Parameters<CaptureDesk['command']>[2],
  ): Promise<CaptureResource> {
    const running = this.#runningOf(actor, captureId);
    if (running !== undefined) {
      const changed = running.command(command, actor);
      await this.#recorded(running);
      return changed;
    }
    const stored = await this.#stored(actor, captureId);
    if (isEnded(stored)) throw new HushtoneError('capture_ended', 'conflict', 'The capture has ended.');
    throw new HushtoneError('capture_elsewhere', 'unavailable', 'The capture belongs to another instance.');
  }

  async evidence(actor: Actor, captureId: string): ReturnType<CaptureDesk['evidence']> {
    const running = this.#runningOf(actor, captureId)?.evidence();
    if (running !== undefined) return running;
    await this.get(actor, captureId);
    const stored = await this.#options.database.transaction(
      actor.accountId,
      async (db) => await findEvidence(db, captureId),
    );
    if (stored !== undefined) return stored;
    throw new HushtoneError(
      'evidence_not_found',
      'not_found',
      'Masking has left no record for this capture.',
    );
  }

  async follow(
    actor: Actor,
    captureId: string,
    afterSequence: number,
    listener: (event: CaptureEvent) => void,
    ended: () => void,
  ): Promise<CaptureSubscription> {
    // The feed knows no accounts: what is not this account's is refused here.
    await this.get(actor, captureId);
    let last = afterSequence;
    let replaying = true;
    let over = false;
    const live: CaptureEvent[] = [];
    const close = (): void => {
      over = true;
      unsubscribe();
    };
    const end = (): void => {
      if (over) return;
      close();
      ended();
    };
    const deliver = (event: CaptureEvent): void => {
      if (over) return;
      if (event.sequence > last) {
        last = event.sequence;
        listener(event);
      }
      if (isEnded(event.capture)) end();
    };
    // Subscribed before the replay is read, so that nothing falls between the two.
    const unsubscribe = this.#feed.subscribe(captureId, (event) => {
      if (replaying) live.push(event);
      else deliver(event);
    });
    try {
      await this.#runningOf(actor, captureId)?.log.flush();
      await this.#replay(actor, captureId, afterSequence, deliver);
    } catch (error) {
      close();
      throw error;
    }
    for (const event of live) deliver(event);
    replaying = false;
    // The client had seen the last event already, or there is nothing live to follow in this process.
    if (this.#runningOf(actor, captureId)?.ended !== false) end();
    return { close };
  }

  /**
   * Lets payments that are under way come to their outcome, and the events be written: at most `limitMs`. The locks of
   * captures that go on stay closed.
   */
  async settle(limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const settled = Promise.all(
      [...this.#running.values()].map(async (capture) => {
        if (capture.ended || capture.resource.status === 'processing') await capture.whenEnded;
        await capture.log.flush();
      }),
    );
    let timer: Timer | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = clock.after(limitMs, resolve);
    });
    await Promise.race([settled, limit]);
    timer?.cancel();
  }

  /** What whoever had the claim before has started: its answer never came. */
  async #startedUnder({ accountId, id }: IdempotencyClaim): Promise<CaptureResource | undefined> {
    const stored = await this.#options.database.transaction(
      accountId,
      async (db) => await findCaptureByIdempotencyId(db, id),
    );
    return stored && (this.#running.get(stored.id)?.resource ?? stored);
  }

  /** What is asked for, bound to the grant that it is asked for with. */
  async #allowed(actor: Actor, request: CaptureRequest): Promise<CaptureRequest> {
    const { grantId } = actor;
    if (grantId === undefined) return request;
    const grant = await this.#options.database.transaction(
      actor.accountId,
      async (db) => await findGrant(db, grantId),
    );
    if (grant === undefined || grant.agentId !== actor.subject) throw grantEnded();
    return grantedRequest(grant, request);
  }

  /** Checked against the rules of money, the stored card that it names, and what the account's providers take. */
  async #order(actor: Actor, request: CaptureRequest): Promise<PaymentOrder> {
    const { defaults, directory } = this.#options;
    const { accountId } = actor;
    const token =
      request.token === undefined ? undefined : await vaultOf(this.#options).face(accountId, request.token);
    const order = checkOrder(request, defaults, token);
    if (order.keepsCard) vaultOf(this.#options);
    if (order.asks !== undefined) {
      await providersFor(directory, accountId, {
        mode: order.mode,
        purpose: order.asks,
        ...(order.amount && { amount: order.amount }),
        ...(token && { brand: token.brand }),
        ...(order.spec.fields.some(({ field }) => field === 'pin') && { pin: true }),
      });
    }
    return order;
  }

  /** Counts the use of a grant: whether it still stood is decided here, under the lock of its row. */
  async #use(db: Queryable, grantId: string): Promise<void> {
    const at = this.#options.clock.now();
    if ((await useGrant(db, grantId, at)) !== undefined) return;
    const grant = await findGrant(db, grantId);
    if (grant === undefined || grant.revokedAt !== undefined || grant.expiresAt <= at) throw grantEnded();
    throw new HushtoneError('grant_used', 'conflict', 'The capture grant has been used already.');
  }

  /**
   * What is acknowledged has its audit record. Events are published before they are written, so that nobody waits for
   * the database to see a key; the answer to a command is not. Rejects with `record_pending`.
   */
  async #recorded(capture: RunningCapture): Promise<void> {
    const written = capture.log.flush().then(() => true);
    let timer: Timer | undefined;
    const limit = new Promise<false>((resolve) => {
      timer = this.#options.clock.after(RECORD_WITHIN_MS, () => resolve(false));
    });
    const inTime = await Promise.race([written, limit]);
    timer?.cancel();
    if (inTime) return;
    throw new HushtoneError(
      'record_pending',
      'unavailable',
      'The command was carried out, but its record is not written yet. Read the capture before you ask again.',
    );
  }

  async #insert(accountId: string, captureId: string, work: (db: Queryable) => Promise<void>): Promise<void> {
    const { database, clock, logger } = this.#options;
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

  #callOf(actor: Actor, request: CaptureRequest): CallSnapshot {
    const { calls } = this.#options;
    const { call_id: callId, agent_id: agentId } = request;
    if ((callId === undefined) === (agentId === undefined)) {
      throw new HushtoneError('call_ambiguous', 'invalid', 'Name the call by call_id or by agent_id.');
    }
    const call = callId === undefined ? calls.ofAgent(actor.accountId, agentId ?? '') : calls.get(callId);
    if (
      call === undefined ||
      call.accountId !== actor.accountId ||
      call.state === 'ended' ||
      !reachesCall(actor, call)
    ) {
      const what = callId === undefined ? 'The agent is on no call.' : 'There is no such live call.';
      throw new HushtoneError('call_not_found', 'not_found', what);
    }
    if (call.state !== 'connected') {
      throw new HushtoneError('call_not_connected', 'conflict', 'The call is not connected yet.');
    }
    return call;
  }

  #runningOf(actor: Actor, captureId: string): RunningCapture | undefined {
    const capture = this.#running.get(captureId);
    if (capture === undefined || capture.identity.accountId !== actor.accountId) return undefined;
    return reachesCapture(actor, { ...capture.identity, ended: capture.ended }) ? capture : undefined;
  }

  async #stored(actor: Actor, captureId: string): Promise<CaptureResource> {
    const capture = await this.#options.database.transaction(
      actor.accountId,
      async (db) => await findOwnedCapture(db, captureId),
    );
    if (capture !== undefined) {
      const { view, agentId, grantId } = capture;
      const ownership = { agentId, ended: isEnded(view), ...(grantId !== null && { grantId }) };
      if (reachesCapture(actor, ownership)) return view;
    }
    throw new HushtoneError('capture_not_found', 'not_found', 'There is no such capture.');
  }

  async #replay(
    actor: Actor,
    captureId: string,
    afterSequence: number,
    deliver: (event: CaptureEvent) => void,
  ): Promise<void> {
    let after = afterSequence;
    for (;;) {
      const from = after;
      const page = await this.#options.database.transaction(
        actor.accountId,
        async (db) => await readCaptureEvents(db, captureId, from, REPLAY_PAGE),
      );
      for (const { sequence, payload } of page) {
        after = sequence;
        deliver(payload as CaptureEvent);
      }
      if (page.length < REPLAY_PAGE) return;
    }
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
