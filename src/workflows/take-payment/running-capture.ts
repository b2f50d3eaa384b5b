import type { CaptureEffect } from '../../capture/effects.ts';
import type { CaptureEvent as MachineEvent } from '../../capture/events.ts';
import { appendAudit } from '../../audit/store.ts';
import { initialState, transition, type Transition } from '../../capture/machine.ts';
import type { CaptureState } from '../../capture/state.ts';
import { cardDetails } from '../../capture/card-details.ts';
import { captureView } from '../../capture/view.ts';
import type { Timer } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Calls, Masking, MaskingListener, MaskingRefusal } from '../../telephony/contract.ts';
import type {
  Actor,
  CaptureCommand,
  CaptureResource,
  EvidenceResource,
  PaymentResource,
} from '../contract.ts';
import type { PaymentDependencies } from '../payments/dependencies.ts';
import type { PaymentFailure } from '../payments/failures.ts';
import { saveEvidence } from '../stores/capture-store.ts';
import { untilWritten } from '../until-written.ts';
import { evidenceSealed, type Cause } from './capture-audit.ts';
import type { CaptureEventLog } from './event-log.ts';
import { payCaptured, type CapturedResult } from './pay-captured.ts';
import {
  captureResource,
  evidenceResource,
  isEnded,
  paymentResource,
  type CaptureIdentity,
} from './resource.ts';

export interface RunningCaptureDependencies extends PaymentDependencies {
  readonly calls: Calls;
  readonly log: CaptureEventLog;
  readonly secureTimeoutMs: number;
}

/** To the state machine a provider that there is none of is one that cannot be reached. */
function failedBy(failure: PaymentFailure): MachineEvent {
  if (failure === 'internal') return { type: 'internal_error' };
  const none = failure === 'provider_not_configured' || failure === 'never_arrived';
  return { type: 'provider_failed', reason: none ? 'unavailable' : failure };
}

function isRefusal(error: unknown): error is MaskingRefusal {
  return error instanceof Error && 'failure' in error && 'evidence' in error;
}

/**
 * A capture in this process: feeds the state machine, carries out its effects, and tells everyone. It alone holds
 * the state with the digits; what leaves it are resources, which have none.
 */
export class RunningCapture {
  readonly identity: CaptureIdentity;
  readonly #dependencies: RunningCaptureDependencies;
  readonly #ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;
  #state: CaptureState;
  #resource: CaptureResource;
  #payment: PaymentResource | undefined;
  #masking: Promise<Masking | undefined> | undefined;
  #evidence: (() => EvidenceResource) | undefined;
  #interDigitTimer: Timer | undefined;
  #overallTimer: Timer | undefined;

  constructor(dependencies: RunningCaptureDependencies, identity: CaptureIdentity) {
    this.#dependencies = dependencies;
    this.identity = identity;
    this.#state = initialState(identity.order.spec);
    this.#resource = this.#render();
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get resource(): CaptureResource {
    return this.#resource;
  }

  /** Its status is terminal; what is left to do may still be under way (`whenEnded`). */
  get ended(): boolean {
    return isEnded(this.#resource);
  }

  get log(): CaptureEventLog {
    return this.#dependencies.log;
  }

  /** Resolves when the capture is over: masking released, evidence and last event written. */
  get whenEnded(): Promise<void> {
    return this.#ended;
  }

  evidence(): EvidenceResource | undefined {
    return this.#evidence?.();
  }

  /** Of a capture that never came to be: gives its memory back. Nothing else may be called after that. */
  discard(): void {
    for (const { buffer } of this.#state.fields) buffer.wipe();
  }

  /** Asks for masking. Everything that follows is told by events. */
  start(): void {
    this.#apply({ type: 'secure_requested' });
    this.#masking = this.#secure();
  }

  /** Carries out a command. Throws the state machine's refusal as a conflict, with nothing changed. */
  command(command: CaptureCommand, actor: Actor): CaptureResource {
    const refused = this.#apply(command, { actor, command: command.type });
    if (refused !== undefined) throw new HushtoneError(refused.code, 'conflict', refused.message);
    return this.#resource;
  }

  #apply(
    event: MachineEvent,
    cause: Cause = { occurrence: event.type },
  ): { code: string; message: string } | undefined {
    const { state, effects, refused } = this.#step(event);
    this.#state = state;
    if (refused !== undefined) return refused;
    if (effects.length > 0) {
      if (effects.some(({ type }) => type === 'submit_to_provider'))
        this.#payment = this.#paymentIn('processing');
      const before = this.#resource;
      this.#resource = this.#render();
      // Told before the effects run: an effect may lead to the next event at once.
      this.#tell(effects, before, cause);
      for (const effect of effects) this.#run(effect);
    }
    return undefined;
  }

  /** A fault of ours ends the capture and wipes its digits; it never reaches the telephone system or a timer. */
  #step(event: MachineEvent): Transition {
    try {
      return transition(this.#state, event);
    } catch (error) {
      const { logger } = this.#dependencies;
      logger.error('capture broke', { captureId: this.identity.id, event: event.type, error });
      return transition(this.#state, { type: 'internal_error' });
    }
  }

  #tell(effects: readonly CaptureEffect[], before: CaptureResource, cause: Cause): void {
    const visible = effects.some(({ type }) => !type.includes('timer') && type !== 'release_masking');
    if (!visible) return;
    const status = effects.some(({ type }) => type === 'status_changed');
    this.#dependencies.log.record(status ? 'capture.status' : 'capture.field', this.#resource, {
      before,
      cause,
    });
  }

  #run(effect: CaptureEffect): void {
    const { clock } = this.#dependencies;
    switch (effect.type) {
      case 'start_inter_digit_timer':
        this.#interDigitTimer?.cancel();
        this.#interDigitTimer = clock.after(effect.ms, () => {
          this.#apply({ type: 'inter_digit_timeout', at: clock.now() });
        });
        return;
      case 'cancel_inter_digit_timer':
        this.#interDigitTimer?.cancel();
        return;
      case 'start_overall_timer':
        this.#overallTimer?.cancel();
        this.#overallTimer = clock.after(effect.ms, () => {
          this.#apply({ type: 'overall_timeout' });
        });
        return;
      case 'cancel_overall_timer':
        this.#overallTimer?.cancel();
        return;
      case 'submit_to_provider':
        void this.#pay();
        return;
      case 'release_masking':
        void this.#end();
        return;
      case 'status_changed':
      case 'field_changed':
      case 'focus_changed':
      case 'pause_changed':
      case 'stray_key_counted':
        return;
    }
  }

  async #secure(): Promise<Masking | undefined> {
    const { calls, logger, secureTimeoutMs } = this.#dependencies;
    const { id: captureId, callId, order } = this.identity;
    // Whatever the listener is told, there is a promise by then for the capture's end to wait for.
    await Promise.resolve();
    let masking: Masking;
    try {
      masking = await calls.secure(
        callId,
        { captureId, guardPolicy: order.guard, confirmWithinMs: secureTimeoutMs },
        this.#listener(),
      );
    } catch (error) {
      logger.warn('call not secured', { captureId, callId, error });
      if (isRefusal(error)) this.#evidence = () => evidenceResource(captureId, callId, error.evidence);
      const failure = isRefusal(error) ? error.failure : 'masking_unavailable';
      this.#apply({ type: 'masking_failed', failure });
      return undefined;
    }
    this.#evidence = () => evidenceResource(captureId, callId, masking.evidence());
    this.#apply({ type: 'secured' });
    return masking;
  }

  #listener(): MaskingListener {
    const { clock } = this.#dependencies;
    return {
      key: (key) => void this.#apply({ type: 'key', key, at: clock.now() }),
      interrupted: (reason) => void this.#apply({ type: 'masking_interrupted', reason }),
      restored: () => void this.#apply({ type: 'masking_restored' }),
      failed: (failure) => void this.#apply({ type: 'masking_failed', failure }),
      callEnded: (end) => void this.#apply({ type: 'call_ended', end }),
    };
  }

  async #pay(): Promise<void> {
    const card = this.#state.fields.find(({ rule }) => rule.field === 'card_number');
    const keyed = {
      ...(card?.brand !== undefined && { brand: card.brand }),
      ...(card?.last4 !== undefined && { last4: card.last4 }),
    };
    const values = () => cardDetails(this.#state);
    this.#conclude(await payCaptured(this.#dependencies, this.identity, values, keyed));
  }

  #conclude(result: CapturedResult): void {
    const { paymentId } = this.identity;
    switch (result.kind) {
      case 'outcome': {
        const { outcome, token } = result;
        this.#payment = paymentResource(outcome, {
          ...(paymentId !== undefined && { paymentId }),
          ...(token !== undefined && { token }),
        });
        this.#apply(
          outcome.result === 'succeeded'
            ? { type: 'provider_succeeded' }
            : { type: 'provider_declined', reason: outcome.reason },
        );
        return;
      }
      case 'kept':
        this.#payment = { ...this.#paymentIn('succeeded'), token: result.token };
        this.#apply({ type: 'provider_succeeded' });
        return;
      case 'unknown':
        this.#payment = this.#paymentIn('unknown');
        this.#apply({ type: 'provider_failed', reason: 'unknown_outcome' });
        return;
      case 'failed':
        this.#payment = this.#paymentIn('failed');
        this.#apply(failedBy(result.failure));
    }
  }

  #paymentIn(status: PaymentResource['status']): PaymentResource {
    const { paymentId } = this.identity;
    return { ...(paymentId !== undefined && { id: paymentId }), status };
  }

  async #end(): Promise<void> {
    const { database, clock, logger, log } = this.#dependencies;
    const { id: captureId, callId, accountId } = this.identity;
    this.#interDigitTimer?.cancel();
    this.#overallTimer?.cancel();
    try {
      const masking = await this.#masking;
      await masking?.release();
    } catch (error) {
      // Fail closed: the telephone system keeps the lock and goes on trying to undo it.
      logger.error('masking not released', { captureId, callId, error });
    }
    await log.flush();
    const evidence = this.#evidence?.();
    if (evidence !== undefined) {
      await untilWritten(
        async () =>
          await database.transaction(accountId, async (db) => {
            await saveEvidence(db, captureId, evidence);
            await appendAudit(db, [evidenceSealed(accountId, evidence)]);
          }),
        clock,
        (error) => logger.error('evidence not written', { captureId, error }),
      );
    }
    this.#resolveEnded();
  }

  #render(): CaptureResource {
    return captureResource(
      this.identity,
      captureView(this.#state),
      this.#payment,
      this.#dependencies.clock.now(),
    );
  }
}
