import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type {
  CallEnd,
  Masking,
  MaskingEvidence,
  MaskingFailure,
  MaskingListener,
  MaskingOptions,
} from '../contract.ts';
import type { CallToMask } from './call-to-mask.ts';
import { CallerEar } from './caller-ear.ts';
import { ConfirmingAgain } from './confirming-again.ts';
import { EvidenceLog } from './evidence-log.ts';
import { Faults } from './faults.ts';
import { Guard } from './guard.ts';
import { Interruptions } from './interruptions.ts';
import { KeyGate } from './key-gate.ts';
import { MaskingState } from './masking-parts.ts';
import type { MaskingParts } from './masking-parts.ts';
import { RelayedEvents } from './relayed-events.ts';
import { Securing } from './securing.ts';
import { SentinelEar } from './sentinel-ear.ts';
import { tailOf } from './tail.ts';
import { TransportTrust } from './transport-trust.ts';
import { Undoing } from './undoing.ts';

export interface MaskingServices {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Masks `call` for one capture. Resolves once lock and guard are confirmed and the caller is listened to; keys are
 * delivered from then on. Rejects with a `MaskingRefused` (`masking_unavailable`) when that is not confirmed in time:
 * what was done is undone, and what cannot be undone stays locked and on record.
 */
export async function secureCall(
  call: CallToMask,
  options: MaskingOptions,
  listener: MaskingListener,
  services: MaskingServices,
): Promise<MaskingSession> {
  const session = new MaskingSession(call, options, listener, services);
  await session.secure();
  return session;
}

/**
 * The masking of one capture: takes what the call, the ears and the guard tell to the step whose matter it is.
 * `Securing` locks first, `KeyGate` lets keys through, `TransportTrust` opens and closes the guard, `Interruptions` with
 * `ConfirmingAgain` hold keys back while anything is out of order, `Undoing` waits out the tail and opens.
 */
export class MaskingSession implements Masking {
  readonly #parts: MaskingParts;
  readonly #state = new MaskingState();
  readonly #keys: KeyGate;
  readonly #trust: TransportTrust;
  readonly #confirmingAgain: ConfirmingAgain;
  readonly #securing: Securing;
  readonly #undoing: Undoing;
  readonly #faults: Faults;
  readonly #unwatch: () => void;
  #released: Promise<void> | undefined;

  constructor(
    call: CallToMask,
    options: MaskingOptions,
    listener: MaskingListener,
    { clock, logger }: MaskingServices,
  ) {
    const state = this.#state;
    const agentEar = new SentinelEar(
      clock,
      () => this.#breached(),
      () => this.#faults.soundWhileGuarded(),
    );
    const callerEar = new CallerEar(clock, call.transport(), {
      key: (key, startedMs) => this.#keys.press(key, startedMs),
      energy: (sounding, sinceMs) => {
        this.#keys.sign(); // a tone may be a key whose event is yet to come
        this.#trust.energy(sounding, sinceMs);
      },
      toneDigit: (sinceMs) => this.#trust.toneDigit(sinceMs),
      showed: (transport, sinceMs) => this.#trust.showed(transport, sinceMs),
    });
    const log = new EvidenceLog(clock, {
      bridge: call.bridge,
      ...(call.engineVersion !== undefined && { engineVersion: call.engineVersion }),
      transport: () => call.transport(),
      keys: () => callerEar.counts(),
      sentinel: () => (state.sentinelHears ? agentEar.findings() : undefined),
    });
    const { mask, sentinel } = call.means({
      agent: agentEar,
      callerLoudest: () => callerEar.loudest(),
      callerSoundedMs: () => callerEar.soundedMs,
    });
    const guard = new Guard({
      mask,
      log,
      agentEar,
      clock,
      uncertain: (error) => this.#faults.uncertain(error),
    });
    const interruptions = new Interruptions(clock, {
      interrupted: (reason, fault) => this.#faults.interrupted(reason, fault),
      confirm: (fault) => this.#confirmingAgain.confirm(fault),
      restored: () => this.#confirmingAgain.restored(),
      lost: (cause) => this.#fail('masking_lost', cause),
    });
    const relayed = new RelayedEvents();
    const hearing = call.listen({
      audio: (samples) => callerEar.audio(samples),
      key: (key, pressMs) => {
        // A conference gives no member the events of another: nothing is under way there.
        if (call.bridge === 'dial') relayed.event(pressMs, clock.monotonicMs());
        callerEar.keyEvent(key, pressMs);
      },
      lost: () => this.#faults.lost('listen_lost'),
      back: () => this.#faults.back('listen_lost'),
    });
    const parts: MaskingParts = {
      call,
      options,
      listener,
      clock,
      logger,
      state,
      log,
      mask,
      sentinel,
      callerEar,
      agentEar,
      guard,
      interruptions,
      hearing,
      relayed,
    };
    this.#parts = parts;
    this.#keys = new KeyGate({ state, interruptions, log, listener, clock });
    this.#trust = new TransportTrust(parts);
    this.#confirmingAgain = new ConfirmingAgain({ ...parts, keys: this.#keys, trust: this.#trust });
    this.#undoing = new Undoing({
      ...parts,
      keys: this.#keys,
      trust: this.#trust,
      unwatch: () => this.#unwatch(),
    });
    this.#securing = new Securing({
      ...parts,
      keys: this.#keys,
      trust: this.#trust,
      undoing: this.#undoing,
      sentinelWatch: {
        lost: () => this.#faults.lost('sentinel_lost'),
        back: () => this.#faults.back('sentinel_lost'),
      },
    });
    this.#faults = new Faults({ ...parts, securing: this.#securing });
    // Last: a watcher may be told at once of what is known.
    this.#unwatch = call.watch({
      legRenegotiated: () => this.#faults.legRenegotiated(),
      control: (up) => {
        // In a dial the lock is rtpengine's: nothing depends on jambonz hearing commands.
        if (call.bridge === 'conference') this.#faults.lostOrBack('control_lost', up);
      },
      mediaServer: (reachable) => this.#faults.lostOrBack('media_server_unreachable', reachable),
      ended: (end) => this.#ended(end),
    });
  }

  evidence(): MaskingEvidence {
    return this.#parts.log.evidence();
  }

  /** Once, right after construction. */
  secure(): Promise<void> {
    return this.#securing.secure();
  }

  /**
   * As the contract says. Rejects with `lock_not_opened` when everything is undone but the lock, which is not
   * confirmed open: it stays on record and the call goes on trying.
   */
  release(): Promise<void> {
    if (this.#released === undefined) {
      const { phase } = this.#state;
      if (phase === 'secured' || phase === 'failed') this.#state.phase = 'releasing';
      this.#released = this.#undoing.undo(tailOf(this.#parts.interruptions.has('listen_lost')));
    }
    return this.#released;
  }

  #breached(): void {
    if (this.#state.phase !== 'secured') return;
    this.#parts.log.step('breached', 'the sentinel heard a digit on the agent leg');
    this.#fail('masking_breached');
  }

  #fail(failure: MaskingFailure, cause?: unknown): void {
    const { interruptions, log, logger, call, guard, clock, listener } = this.#parts;
    if (this.#state.phase !== 'secured') return;
    this.#state.phase = 'failed';
    this.#trust.end();
    interruptions.end();
    log.step('failed', failure);
    logger.error('masking failed', { callId: call.callId, code: failure, error: cause });
    void guard.close('tone_digit', clock.monotonicMs());
    listener.failed(failure);
  }

  #ended(end: CallEnd): void {
    const { phase: before } = this.#state;
    if (before === 'over') return;
    this.#state.phase = 'over';
    this.#securing.cut(new HushtoneError('call_not_connected', 'conflict', 'the call ended'));
    if (before === 'securing') return; // the refusal cleans up
    this.#parts.log.step('released', `the call ended: ${end}`);
    void this.#undoing.cleanUp();
    if (before === 'secured') this.#parts.listener.callEnded(end);
  }
}
