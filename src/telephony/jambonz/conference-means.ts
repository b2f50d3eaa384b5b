import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { LockRecord, Mask, MaskConfirmation } from '../contract.ts';
import type { Ears, MaskingMeans, Sentinel } from '../masking/call-to-mask.ts';
import type { ControlLink } from './control-link.ts';
import { LegListening } from './leg-listening.ts';
import type { ListeningServices } from './leg-listening.ts';
import type { LiveCall } from './live-call.ts';

/** A mute acts within 31 ms (measured); what arrives sooner may have been on its way before it. */
const MUTE_ACTS_AFTER_MS = 40;
/** An unmute acts within 92 ms (measured). jambonz does not confirm it and silence cannot. */
const UNMUTE_ACTS_AFTER_MS = 92;
const SILENT_WITHIN_MS = 1500;
/**
 * At the start of a capture the sentinel's socket is only being opened: how long that may take is the session's own
 * limit (SECURE_TIMEOUT_MS, 30 s at most).
 */
const FIRST_SILENT_WITHIN_MS = 30_000;

const LOCK_NOTE = 'a conference passes no digit events';

/**
 * Lock and guard of a conference. The lock is the conference itself: without `distributeDtmf` it gives no member the
 * digit events of another. The guard is the mute of the caller's member; jambonz acknowledges no command, so that
 * silence in what the agent leg is given, as the sentinel hears it, is the confirmation.
 */
export class ConferenceMask implements Mask {
  readonly #caller: ControlLink;
  readonly #ears: Ears;
  readonly #clock: Clock;
  #guarded = false;

  constructor(caller: ControlLink, ears: Ears, clock: Clock) {
    this.#caller = caller;
    this.#ears = ears;
    this.#clock = clock;
  }

  async close(): Promise<MaskConfirmation> {
    const { detail } = await this.#mute(FIRST_SILENT_WITHIN_MS);
    return { detail: `${LOCK_NOTE}; ${detail}` };
  }

  async closeGuard(): Promise<MaskConfirmation> {
    return await this.#mute(SILENT_WITHIN_MS);
  }

  async #mute(silentWithinMs: number): Promise<MaskConfirmation> {
    this.#guarded = true;
    this.#ears.callerLoudest();
    this.#participant('mute');
    const actsMs = this.#clock.monotonicMs() + MUTE_ACTS_AFTER_MS;
    const silence = await this.#ears.agent.silence(actsMs, silentWithinMs);
    const afterMs = Math.round(silence.afterMs + MUTE_ACTS_AFTER_MS);
    return { detail: `mute sent, agent leg silent from ${afterMs} ms after it; ${this.#callerWas()}` };
  }

  openGuard(): Promise<MaskConfirmation> {
    return this.#unmute(`unmute sent, acts within ${UNMUTE_ACTS_AFTER_MS} ms, not acknowledged`);
  }

  async open(): Promise<MaskConfirmation> {
    const sent = await this.#unmute(`unmute sent, not acknowledged; ${LOCK_NOTE}`);
    await new Promise<void>((resolve) => void this.#clock.after(UNMUTE_ACTS_AFTER_MS, resolve));
    return sent;
  }

  async verify(): Promise<MaskConfirmation> {
    if (!this.#guarded) return { detail: LOCK_NOTE };
    await this.#ears.agent.mute(this.#ears.callerSoundedMs, SILENT_WITHIN_MS);
    return { detail: `agent leg silent; ${this.#callerWas()}` };
  }

  /** The mute may have been undone meanwhile (a member that joins anew is not muted): it is sent again. */
  async reassert(): Promise<MaskConfirmation> {
    if (this.#guarded) await this.closeGuard();
    return await this.verify();
  }

  record(captureId: string): Promise<LockRecord> {
    return Promise.resolve({ captureId, bridge: 'conference' });
  }

  // eslint-disable-next-line require-await -- a refused command must reject, not throw
  async #unmute(detail: string): Promise<MaskConfirmation> {
    this.#participant('unmute');
    this.#guarded = false;
    return { detail };
  }

  #participant(action: 'mute' | 'unmute'): void {
    this.#caller.send('conf:participant-action', { action });
  }

  /** Silence of a caller who says nothing proves less: say which it was. */
  #callerWas(): string {
    const loudest = this.#ears.callerLoudest();
    if (loudest === undefined) return 'the caller was not listened to meanwhile';
    return `the caller's loudest meanwhile: ${Math.round(loudest)} dBFS`;
  }
}

/** Hears what the agent is given through a stereo listen on the agent's own leg. */
export class ConferenceSentinel implements Sentinel {
  readonly required = true;
  readonly #call: LiveCall;
  readonly #ears: Ears;
  readonly #services: ListeningServices;
  #listening: LegListening | undefined;

  constructor(call: LiveCall, ears: Ears, services: ListeningServices) {
    this.#call = call;
    this.#ears = ears;
    this.#services = services;
  }

  start(_lock: LockRecord, watch: { lost(): void; back(): void }): Promise<void> {
    const { agent, agentCallSid } = this.#call;
    if (agentCallSid === undefined) {
      return Promise.reject(
        new HushtoneError('masking_unavailable', 'unavailable', 'the agent leg is not known'),
      );
    }
    const leg = { control: agent, callSid: agentCallSid, mix: 'stereo' } as const;
    const sink = {
      audio: (samples: Int16Array) => this.#ears.agent.push(samples),
      key: () => {}, // the agent's own keys
      lost: () => watch.lost(),
      back: () => watch.back(),
    };
    this.#listening = new LegListening(leg, sink, this.#services);
    return this.#listening.open();
  }

  async stop(): Promise<void> {
    await this.#listening?.close();
  }
}

export function conferenceMeans(call: LiveCall, ears: Ears, services: ListeningServices): MaskingMeans {
  return {
    mask: new ConferenceMask(call.caller, ears, services.clock),
    sentinel: new ConferenceSentinel(call, ears, services),
  };
}
