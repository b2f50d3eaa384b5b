import type { Clock, Timer } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type {
  CallEnd,
  Doubt,
  KeyCode,
  LockRecord,
  Mask,
  Masking,
  MaskingEvidence,
  MaskingFailure,
  MaskingListener,
  MaskingOptions,
} from '../contract.ts';
import type { CallToMask, Sentinel } from './call-to-mask.ts';
import { CallerEar } from './caller-ear.ts';
import type { ShownTransport } from './caller-ear.ts';
import { EvidenceLog } from './evidence-log.ts';
import { Guard } from './guard.ts';
import type { Hearing } from './hearing.ts';
import { Interruptions } from './interruptions.ts';
import type { Fault } from './interruptions.ts';
import { MaskingRefused } from './refusal.ts';
import { RelayedEvents } from './relayed-events.ts';
import { SentinelEar } from './sentinel-ear.ts';

/** jambonz needs 43 ms to stop a recorder (measured) and does not say when it has. */
const RECORDING_STOPS_MS = 100;
/** After the last key's end. An unlock within 150 ms leaks the tail of the digit (measured). */
const TAIL_MS = 300;
/** While nothing is heard, keys may be on their way that were never seen: duplicates of a number take a second. */
const DEAF_TAIL_MS = 2000;
/**
 * An event tells of a press by its end, 63 to 84 ms after it (measured), so its beginning is known to 21 ms and taken
 * for the earliest. Keys are asked for this long after masking was confirmed: none of them can look older than that.
 */
const PRESS_UNCERTAIN_MS = 25;
/** Keys that a media server held while it stood still come at once when it goes on: they are over after this quiet. */
const DRAINED_AFTER_MS = 1000;
const LONGEST_DRAIN_MS = 5000;
/** Audio that is later than this is held up somewhere, and keys with it. */
const BEHIND_MS = 100;
const LOOK_AGAIN_MS = 20;
/** A key that was known by its lead is waited for so long until its event shows that it is up. */
const LONGEST_HELD_MS = 5000;
/** A caller who goes on keying holds the tail open; this ends it. */
const LONGEST_TAIL_MS = 30_000;
/** A doubt that was no digit is forgotten after this much quiet. */
const QUIET_BEFORE_TRUST_MS = 500;
/** What a refused capture waits for its undoing; it goes on after that. */
const UNDO_WITHIN_MS = 1000;

export interface MaskingServices {
  readonly clock: Clock;
  readonly logger: Logger;
}

type State = 'securing' | 'secured' | 'failed' | 'releasing' | 'over';

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

export class MaskingSession implements Masking {
  readonly #call: CallToMask;
  readonly #options: MaskingOptions;
  readonly #listener: MaskingListener;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #log: EvidenceLog;
  readonly #mask: Mask;
  readonly #sentinel: Sentinel | undefined;
  readonly #callerEar: CallerEar;
  readonly #agentEar: SentinelEar;
  readonly #guard: Guard;
  readonly #interruptions: Interruptions;
  readonly #hearing: Hearing;
  readonly #unwatch: () => void;
  #state: State = 'securing';
  #lockAsked = false;
  #sentinelHears = false;
  /** The last sign of a key: an event, or the beginning or end of something like a tone. */
  #lastKeyMs = 0;
  /** A press that began before this was not masked from its beginning. */
  #acceptFromMs = Number.POSITIVE_INFINITY;
  #confirmedAgainMs = 0;
  /** What went wrong before masking was confirmed. */
  readonly #earlyFaults = new Set<Fault>();
  readonly #relayed = new RelayedEvents();
  #quiet: Timer | undefined;
  #cut: (error: Error) => void = () => {};
  #released: Promise<void> | undefined;
  #notOpened: HushtoneError | undefined;

  constructor(
    call: CallToMask,
    options: MaskingOptions,
    listener: MaskingListener,
    { clock, logger }: MaskingServices,
  ) {
    this.#call = call;
    this.#options = options;
    this.#listener = listener;
    this.#clock = clock;
    this.#logger = logger;
    this.#agentEar = new SentinelEar(
      clock,
      () => this.#breached(),
      () => this.#soundWhileGuarded(),
    );
    this.#callerEar = new CallerEar(clock, call.transport(), {
      key: (key, startedMs) => this.#key(key, startedMs),
      energy: (sounding, sinceMs) => this.#energy(sounding, sinceMs),
      toneDigit: (sinceMs) => this.#toneDigit(sinceMs),
      showed: (transport, sinceMs) => this.#showed(transport, sinceMs),
    });
    this.#log = new EvidenceLog(clock, {
      bridge: call.bridge,
      ...(call.engineVersion !== undefined && { engineVersion: call.engineVersion }),
      transport: () => call.transport(),
      keys: () => this.#callerEar.counts(),
      sentinel: () => (this.#sentinelHears ? this.#agentEar.findings() : undefined),
    });
    const means = call.means({
      agent: this.#agentEar,
      callerLoudest: () => this.#callerEar.loudest(),
      callerSoundedMs: () => this.#callerEar.soundedMs,
    });
    this.#mask = means.mask;
    this.#sentinel = means.sentinel;
    this.#guard = new Guard({
      mask: this.#mask,
      log: this.#log,
      agentEar: this.#agentEar,
      clock,
      uncertain: (error) => this.#uncertain(error),
    });
    this.#interruptions = new Interruptions(clock, {
      interrupted: (reason, fault) => {
        this.#log.step('interrupted', fault);
        void this.#guard.close(doubtOf(fault), clock.monotonicMs());
        listener.interrupted(reason);
      },
      confirm: (fault) => this.#confirmAgain(fault),
      restored: () => this.#restored(),
      lost: (cause) => this.#fail('masking_lost', cause),
    });
    this.#hearing = call.listen({
      audio: (samples) => this.#callerEar.audio(samples),
      key: (key, pressMs) => {
        // A conference gives no member the events of another: nothing is under way there.
        if (call.bridge === 'dial') this.#relayed.event(pressMs, clock.monotonicMs());
        this.#callerEar.keyEvent(key, pressMs);
      },
      lost: () => this.#lost('listen_lost'),
      back: () => this.#back('listen_lost'),
    });
    this.#unwatch = call.watch({
      legRenegotiated: () => {
        this.#lost('leg_renegotiated');
        this.#interruptions.mended('leg_renegotiated'); // the new leg is there already
      },
      control: (up) => {
        // In a dial the lock is rtpengine's: nothing depends on jambonz hearing commands.
        if (call.bridge === 'conference') this.#outOrBack('control_lost', up);
      },
      mediaServer: (reachable) => this.#outOrBack('media_server_unreachable', reachable),
      ended: (end) => this.#ended(end),
    });
  }

  evidence(): MaskingEvidence {
    return this.#log.evidence();
  }

  /** Once, right after construction. */
  async secure(): Promise<void> {
    const deadline = new Promise<never>((_, reject) => (this.#cut = reject));
    const late = new HushtoneError('masking_unavailable', 'unavailable', 'masking was not confirmed in time');
    const timer = this.#clock.after(this.#options.confirmWithinMs, () => this.#cut(late));
    try {
      await Promise.race([this.#confirm(), deadline]);
      this.#refuseUnlessSecuring();
    } catch (error) {
      await this.#refuse(error);
    } finally {
      timer.cancel();
      this.#cut = () => {};
    }
    this.#state = 'secured';
    this.#agentEar.arm();
    this.#log.secured();
    if (this.#options.guardPolicy === 'always') this.#log.step('doubt', 'policy_always');
    this.#considerOpening();
  }

  /**
   * As the contract says. Rejects with `lock_not_opened` when everything is undone but the lock, which is not
   * confirmed open: it stays on record and the call goes on trying.
   */
  release(): Promise<void> {
    if (this.#released === undefined) {
      if (this.#state === 'secured' || this.#state === 'failed') this.#state = 'releasing';
      this.#released = this.#undo(this.#interruptions.has('listen_lost') ? DEAF_TAIL_MS : TAIL_MS);
    }
    return this.#released;
  }

  async #confirm(): Promise<void> {
    const recordingStopped = this.#stopRecording();
    await Promise.all([recordingStopped, this.#listen(), this.#lock()]);
    const { detail } = await this.#mask.verify();
    await this.#until(this.#acceptFromMs + PRESS_UNCERTAIN_MS);
    this.#refuseUnlessSecuring();
    if (this.#earlyFaults.size > 0) {
      throw new HushtoneError('masking_unavailable', 'unavailable', 'what was confirmed did not last');
    }
    this.#log.step('verified', detail);
  }

  async #stopRecording(): Promise<void> {
    const stopped = this.#call.stopRecording();
    if (stopped === undefined) return;
    this.#log.step('recording_stopped', stopped);
    await new Promise<void>((resolve) => void this.#clock.after(RECORDING_STOPS_MS, resolve));
  }

  async #listen(): Promise<void> {
    await this.#hearing.open();
    this.#log.step('listening');
  }

  /** The record is written before anything is locked: a crash in between leaves a record too many, never a lock. */
  async #lock(): Promise<void> {
    const record = await this.#mask.record(this.#options.captureId);
    this.#refuseUnlessSecuring();
    this.#lockAsked = true;
    await this.#call.saveLock(record);
    this.#refuseUnlessSecuring();
    await Promise.all([this.#close(), this.#startSentinel(record)]);
  }

  async #close(): Promise<void> {
    const { detail } = await this.#mask.close();
    this.#guard.confirmedClosed();
    this.#acceptFromMs = this.#clock.monotonicMs();
    this.#log.step('locked', this.#sentinel === undefined ? `${detail}; ${NO_SENTINEL}` : detail);
    this.#log.step('guard_closed', 'capture_started');
  }

  async #startSentinel(record: LockRecord): Promise<void> {
    const sentinel = this.#sentinel;
    if (sentinel === undefined) return;
    try {
      await sentinel.start(record, {
        lost: () => this.#lost('sentinel_lost'),
        back: () => this.#back('sentinel_lost'),
      });
      this.#sentinelHears = true;
      this.#log.step('listening', 'sentinel');
    } catch (error) {
      if (sentinel.required) throw error;
      this.#logger.warn('no sentinel for this capture', { callId: this.#call.callId, error });
      this.#log.step('listening', NO_SENTINEL);
    }
  }

  #refuseUnlessSecuring(): void {
    if (this.#state !== 'securing') {
      throw new HushtoneError('masking_unavailable', 'unavailable', 'masking was given up meanwhile');
    }
  }

  async #refuse(cause: unknown): Promise<never> {
    const callOver = this.#state === 'over';
    this.#state = callOver ? 'over' : 'failed';
    const why = cause instanceof HushtoneError ? cause.message : 'something of ours broke';
    this.#log.step('failed', `masking_unavailable: ${why}`);
    const undone = this.#undo(0);
    const patience = new Promise<void>((resolve) => void this.#clock.after(UNDO_WITHIN_MS, resolve));
    await Promise.race([undone.catch(() => {}), patience]);
    throw new MaskingRefused('masking_unavailable', this.evidence(), { cause });
  }

  #key(key: KeyCode, startedMs: number): void {
    this.#lastKeyMs = this.#clock.monotonicMs();
    if (this.#state !== 'secured' || this.#interruptions.any || startedMs < this.#acceptFromMs) {
      this.#log.keyDropped();
      return;
    }
    this.#log.keyDelivered();
    this.#listener.key(key);
  }

  /** A key showed how this phone sends digits. Only events without any tone leave room for trust, and trust is lost once. */
  #showed(shown: ShownTransport, sinceMs: number): void {
    const known = this.#call.transport();
    if (shown === 'events' && (known === 'unknown' || known === 'events')) {
      this.#call.learn('events');
      this.#considerOpening();
      return;
    }
    const mixed = known === 'bleed' || shown === 'events' || (known !== 'unknown' && known !== shown);
    this.#call.learn(mixed ? 'bleed' : shown);
    void this.#guard.close(shown === 'bleed' ? 'tone_before_event' : 'tone_digit', sinceMs);
  }

  /** A phone that was trusted sends a tone that is certainly a key: it is not trusted again on this call. */
  #toneDigit(sinceMs: number): void {
    if (this.#call.transport() === 'events') this.#call.learn('bleed');
    void this.#guard.close('tone_digit', sinceMs);
  }

  #energy(sounding: boolean, sinceMs: number): void {
    this.#quiet?.cancel();
    this.#lastKeyMs = this.#clock.monotonicMs(); // a tone may be a key whose event is yet to come
    if (sounding) void this.#guard.close('tone_energy', sinceMs);
    else this.#openWhenQuiet();
  }

  #openWhenQuiet(): void {
    this.#quiet?.cancel();
    this.#quiet = this.#clock.after(QUIET_BEFORE_TRUST_MS, () => this.#considerOpening());
  }

  #considerOpening(): void {
    const trusted =
      this.#state === 'secured' &&
      this.#options.guardPolicy === 'until_proven' &&
      this.#call.transport() === 'events' &&
      !this.#interruptions.any &&
      !this.#callerEar.sounding;
    if (trusted) void this.#guard.open();
  }

  #outOrBack(fault: Fault, good: boolean): void {
    if (good) this.#back(fault);
    else this.#lost(fault);
  }

  #lost(fault: Fault): void {
    if (fault === 'listen_lost') this.#callerEar.gap();
    if (this.#state === 'securing') this.#earlyFaults.add(fault);
    if (this.#state === 'secured') this.#interruptions.add(fault);
  }

  #back(fault: Fault): void {
    this.#earlyFaults.delete(fault);
    this.#interruptions.mended(fault);
  }

  /** The guard did not confirm that it closed: no digit is accepted until it does. */
  #uncertain(error: unknown): void {
    this.#logger.warn('the guard is not confirmed closed', { callId: this.#call.callId, error });
    if (this.#state !== 'secured') return;
    const fault: Fault = this.#call.bridge === 'conference' ? 'control_lost' : 'media_server_unreachable';
    this.#interruptions.add(fault);
    this.#interruptions.mended(fault);
  }

  async #confirmAgain(fault: Fault): Promise<void> {
    if (fault === 'leg_renegotiated') {
      // The new leg is not masked yet: closing it waits for nothing. Until the record is written, a crash leaves a
      // lock too many, never one too few.
      const closed = this.#mask.close();
      const saved = this.#mask
        .record(this.#options.captureId)
        .then(async (record) => await this.#call.saveLock(record));
      await Promise.all([closed, saved]);
      this.#guard.confirmedClosed();
    } else if (fault === 'listen_lost' || fault === 'sentinel_lost') {
      await this.#mask.verify();
    } else {
      await (this.#mask.reassert?.() ?? this.#mask.close());
      this.#guard.confirmedClosed(); // closing was asked for when the fault was found
      if (fault === 'media_server_unreachable') await this.#drained();
    }
    this.#confirmedAgainMs = this.#clock.monotonicMs();
    await this.#until(this.#confirmedAgainMs + PRESS_UNCERTAIN_MS);
  }

  /**
   * What was keyed while the media server stood still lay in its sockets and arrives now, looking as if it had just
   * been keyed: it was not masked from its beginning, and the agent's page showed the field as held.
   */
  async #drained(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const latestMs = startedMs + LONGEST_DRAIN_MS;
    for (;;) {
      const overMs = Math.min(Math.max(startedMs, this.#lastKeyMs) + DRAINED_AFTER_MS, latestMs);
      if (overMs <= this.#clock.monotonicMs()) return;
      await this.#until(overMs);
    }
  }

  async #until(monotonicMs: number): Promise<void> {
    const waitMs = monotonicMs - this.#clock.monotonicMs();
    if (waitMs > 0) await new Promise<void>((resolve) => void this.#clock.after(waitMs, resolve));
  }

  #restored(): void {
    this.#acceptFromMs = this.#confirmedAgainMs;
    this.#log.step('restored');
    this.#listener.restored();
    this.#openWhenQuiet();
  }

  /**
   * Where the sentinel is the proof, silence is what it proves by: the caller's member was unmuted by something else,
   * such as its own keys under the stock caller-controls. It is muted once more before any key counts.
   */
  #soundWhileGuarded(): void {
    if (this.#sentinel?.required !== true || this.#interruptions.any || this.#guard.isOpen) return;
    this.#log.step('doubt', 'sound on the agent leg while the guard was closed');
    this.#uncertain(new HushtoneError('masking_unavailable', 'unavailable', 'the mute was undone'));
  }

  #breached(): void {
    if (this.#state !== 'secured') return;
    this.#log.step('breached', 'the sentinel heard a digit on the agent leg');
    this.#fail('masking_breached');
  }

  #fail(failure: MaskingFailure, cause?: unknown): void {
    if (this.#state !== 'secured') return;
    this.#state = 'failed';
    this.#quiet?.cancel();
    this.#interruptions.end();
    this.#log.step('failed', failure);
    this.#logger.error('masking failed', { callId: this.#call.callId, code: failure, error: cause });
    void this.#guard.close('tone_digit', this.#clock.monotonicMs());
    this.#listener.failed(failure);
  }

  #ended(end: CallEnd): void {
    const before = this.#state;
    if (before === 'over') return;
    this.#state = 'over';
    this.#cut(new HushtoneError('call_not_connected', 'conflict', 'the call ended'));
    if (before === 'securing') return; // the refusal cleans up
    this.#log.step('released', `the call ended: ${end}`);
    void this.#cleanUp();
    if (before === 'secured') this.#listener.callEnded(end);
  }

  async #undo(tailMs: number): Promise<void> {
    if (tailMs > 0) await this.#tail(tailMs);
    this.#agentEar.disarm();
    this.#agentEar.guardOpened();
    if (this.#state !== 'over') await this.#open();
    await this.#cleanUp();
    this.#startRecording();
    if (this.#notOpened !== undefined) throw this.#notOpened;
  }

  /**
   * Every key restarts it, so that none is cut in two: a press is only reported once it has ended. Keys come in order
   * with the audio: while that of the tail has not been received, a key may be on its way with it, however late it is.
   */
  async #tail(tailMs: number): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const receivedMs = this.#callerEar.receivedMs;
    const isBehind = (): boolean => {
      const tailLastedMs = this.#clock.monotonicMs() - startedMs;
      if (receivedMs === undefined || tailLastedMs >= DEAF_TAIL_MS) return false;
      const received = this.#callerEar.receivedMs;
      return received === undefined || tailLastedMs - (received - receivedMs) > BEHIND_MS;
    };
    // What was keyed before is waited for however long it takes; what is keyed from now on is not.
    const latestMs = Math.max(startedMs, this.#relayed.endsMs) + LONGEST_TAIL_MS;
    let restMs = tailMs;
    while (restMs > 0 && this.#state !== 'over' && this.#clock.monotonicMs() < latestMs) {
      const waitMs = restMs;
      await new Promise<void>((resolve) => void this.#clock.after(waitMs, resolve));
      const lastMs = Math.max(startedMs, this.#lastKeyMs, this.#relayed.endsMs);
      restMs = this.#callerEar.sounding ? tailMs : lastMs + tailMs - this.#clock.monotonicMs();
      const isHeldDown =
        this.#callerEar.awaitsEvent && this.#clock.monotonicMs() - this.#lastKeyMs < LONGEST_HELD_MS;
      if (restMs <= 0 && (isBehind() || isHeldDown)) restMs = LOOK_AGAIN_MS;
    }
  }

  async #open(): Promise<void> {
    this.#quiet?.cancel();
    this.#interruptions.end();
    this.#guard.retire();
    if (!this.#lockAsked) return;
    try {
      const { detail } = await this.#mask.open();
      await this.#call.saveLock(undefined);
      this.#log.step('guard_opened', 'capture_ended');
      this.#log.step('released', detail);
    } catch (error) {
      if (this.#isOver()) return;
      this.#logger.warn('the lock stays until it can be opened', { callId: this.#call.callId, error });
      this.#log.step('failed', 'not confirmed open: the lock stays on record and is tried again');
      this.#call.openLater(this.#mask);
      this.#notOpened = new HushtoneError(
        'lock_not_opened',
        'unavailable',
        'the lock could not be opened yet',
        {
          cause: error,
        },
      );
    }
  }

  async #cleanUp(): Promise<void> {
    this.#quiet?.cancel();
    this.#interruptions.end();
    this.#guard.retire();
    this.#unwatch();
    await Promise.allSettled([this.#hearing.close(), this.#sentinel?.stop()]);
    this.#callerEar.wipe();
    this.#agentEar.wipe();
  }

  #startRecording(): void {
    if (this.#isOver()) return;
    try {
      const started = this.#call.startRecording();
      if (started !== undefined) this.#log.step('recording_started', started);
    } catch (error) {
      this.#logger.warn('the recording could not be started again', { callId: this.#call.callId, error });
    }
  }

  /** The call may have ended during any wait. */
  #isOver(): boolean {
    return this.#state === 'over';
  }
}

const NO_SENTINEL = 'no sentinel listens: the engine’s acknowledgement is the proof';

function doubtOf(fault: Fault): Doubt {
  if (fault === 'sentinel_lost') return 'listen_lost';
  return fault === 'control_lost' ? 'media_server_unreachable' : fault;
}
