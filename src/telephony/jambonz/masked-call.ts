import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Bridge, LockRecord, Mask, Transport } from '../contract.ts';
import type { CallToMask, Ears, MaskedCallWatcher, MaskingMeans, Sentinel } from '../masking/call-to-mask.ts';
import type { Hearing, HearingSink } from '../masking/hearing.ts';
import { LockOpener } from '../masking/lock-opener.ts';
import { SentinelEar } from '../masking/sentinel-ear.ts';
import { conferenceMeans } from './conference-means.ts';
import { LegListening } from './leg-listening.ts';
import type { ListeningServices } from './leg-listening.ts';
import type { LiveCall } from './live-call.ts';

/** Makes lock and guard of the dial bridge; rtpengine's are given here from outside. */
export type DialMaskFactory = (call: {
  agentLegCallId(): string | undefined;
  /** What an earlier capture or process left closed. */
  readonly record?: LockRecord;
}) => Mask;

/** Makes a sentinel for the dial bridge, where the engine allows one without harm. */
export type DialSentinelFactory = (
  stream: { readonly callId: string; readonly tag: string },
  heard: { audio(samples: Int16Array): void; telephoneEvent(): void },
) => Promise<{ close(): Promise<void> }>;

/** Tells whether the engine behind the dial masks answers, for as long as anyone watches. */
export interface MediaServerWatch {
  watch(listener: { unreachable(): void; reachable(): void }): () => void;
}

export interface MaskedCallServices {
  readonly listening: ListeningServices;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dialMask?: DialMaskFactory;
  readonly dialSentinel?: DialSentinelFactory;
  readonly mediaServer?: MediaServerWatch;
  readonly engineVersion?: string;
}

/** A live call as masking sees it. It outlives the captures: what one learns and what one leaves locked stay here. */
export class MaskedCall implements CallToMask {
  readonly callId: string;
  readonly bridge: Bridge;
  readonly engineVersion?: string;
  readonly #call: LiveCall;
  readonly #services: MaskedCallServices;
  #opener: LockOpener | undefined;

  constructor(call: LiveCall, services: MaskedCallServices) {
    this.#call = call;
    this.#services = services;
    this.callId = call.callId;
    this.bridge = call.bridge;
    if (services.engineVersion !== undefined && call.bridge === 'dial')
      this.engineVersion = services.engineVersion;
    call.watch({ legRenegotiated: () => {}, ended: () => void this.#opener?.cancel() });
  }

  means(ears: Ears): MaskingMeans {
    if (this.bridge === 'conference') return conferenceMeans(this.#call, ears, this.#services.listening);
    const { dialMask, dialSentinel } = this.#services;
    if (dialMask === undefined) throw new Error('the dial bridge needs a mask'); // refused at start-up
    const call = this.#call;
    const lock = call.lock;
    const mask = dialMask({
      agentLegCallId: () => call.agentLegCallId,
      ...(lock !== undefined && { record: lock }),
    });
    return dialSentinel === undefined ? { mask } : { mask, sentinel: subscription(dialSentinel, ears) };
  }

  listen(sink: HearingSink): Hearing {
    const { caller, callSid } = this.#call;
    return new LegListening({ control: caller, callSid, mix: 'mono' }, sink, this.#services.listening);
  }

  stopRecording(): string | undefined {
    return this.#call.recording.stop();
  }

  startRecording(): string | undefined {
    return this.#call.recording.start();
  }

  transport(): Transport {
    return this.#call.transport;
  }

  learn(transport: Transport): void {
    this.#call.learn(transport);
  }

  saveLock(lock: LockRecord | undefined): Promise<void> {
    return this.#call.saveLock(lock);
  }

  openLater(mask: Mask): void {
    this.#opener = this.#openerOf(mask);
    this.#opener.later();
  }

  watch(watcher: MaskedCallWatcher): () => void {
    const undo = [
      this.#call.watch({
        legRenegotiated: () => watcher.legRenegotiated(),
        ended: (end) => watcher.ended(end),
      }),
      this.#call.caller.onChange((up) => watcher.control(up)),
    ];
    const { mediaServer } = this.#services;
    if (this.bridge === 'dial' && mediaServer !== undefined) {
      undo.push(
        mediaServer.watch({
          unreachable: () => watcher.mediaServer(false),
          reachable: () => watcher.mediaServer(true),
        }),
      );
    }
    return () => {
      for (const stop of undo) stop();
    };
  }

  /** A new capture takes the lock over: nobody opens it behind its back. */
  async stopOpening(): Promise<void> {
    await this.#opener?.cancel();
    this.#opener = undefined;
  }

  /** Opens what an earlier capture or process left closed. Rejects when it cannot be confirmed; the tries go on. */
  async openLeftLock(): Promise<void> {
    const { clock } = this.#services;
    if (this.#opener === undefined) {
      const { mask } = this.means({
        agent: new SentinelEar(clock, () => {}),
        callerLoudest: () => undefined,
        callerSoundedMs: () => undefined,
      });
      this.#opener = this.#openerOf(mask);
    }
    await this.#opener.open();
  }

  #openerOf(mask: Mask): LockOpener {
    const { clock, logger } = this.#services;
    return new LockOpener({
      callId: this.callId,
      mask,
      opened: async () => {
        await this.#call.saveLock(undefined);
        this.#opener = undefined;
        this.#call.lockOpened();
        this.#recordAgain();
      },
      clock,
      logger,
    });
  }

  #recordAgain(): void {
    try {
      this.#call.recording.start();
    } catch (error) {
      this.#services.logger.warn('the recording could not be started again', { callId: this.callId, error });
    }
  }
}

function subscription(make: DialSentinelFactory, ears: Ears): Sentinel {
  let subscribed: Promise<{ close(): Promise<void> }> | undefined;
  return {
    // rtpengine's answers are the proof of a dial; the sentinel adds to it.
    required: false,
    start: async ({ agentLegCallId, tag }) => {
      if (agentLegCallId === undefined || tag === undefined) throw new Error('the stream is not known');
      subscribed = make(
        { callId: agentLegCallId, tag },
        {
          audio: (samples) => ears.agent.push(samples),
          telephoneEvent: () => ears.agent.telephoneEvent(),
        },
      );
      await subscribed;
    },
    stop: async () => {
      await (await subscribed?.catch(() => undefined))?.close();
    },
  };
}
