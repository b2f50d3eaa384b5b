import { FRAME_SAMPLES, SAMPLES_PER_MS, type MediaUnit } from '../media-unit.ts';
import { FrameHistory } from './frame-history.ts';
import { Playout } from './playout.ts';
import { TelephoneEventDetector } from './telephone-event-detector.ts';

/** Every event takes its own frames and those of the two repeated end packets out of the audio. */
export const END_REPEAT_FRAMES = 2;

/** An injected event is of no interest to frames any more. */
const INJECTION_KEPT_TICKS = 250;

export interface Arrival {
  readonly index: number;
  readonly samples: Int16Array;
}

/** A key on FreeSWITCH's time line. */
export interface LegKey {
  readonly event: number;
  readonly startIndex: number;
  /** Whole frames that the event itself takes. */
  readonly frames: number;
  /** 8 kHz units, as keyed. */
  readonly duration: number;
  readonly repeat: number;
}

/** What FreeSWITCH receives from one phone: frames by their place on its time line, and keys. */
export class LegInput {
  readonly history = new FrameHistory();
  readonly #detector: TelephoneEventDetector;
  readonly #onKey: (key: LegKey) => void;
  readonly #playout = new Playout();
  #event: { readonly timestamp: number; readonly startIndex: number } | undefined;
  #arrivals: Arrival[] = [];
  #injections: {
    readonly fromIndex: number;
    readonly toIndex: number;
    readonly key: LegKey;
    done: boolean;
  }[] = [];

  constructor(random: () => number, onKey: (key: LegKey) => void) {
    this.#detector = new TelephoneEventDetector(random);
    this.#onKey = onKey;
  }

  /** `tick`: the relay tick that will be the next to run; `current`: the one of this moment. */
  accept(unit: MediaUnit, tick: number, current: number = tick): void {
    if (unit.kind === 'audio') {
      const index = this.#playout.place(unit, tick, current);
      this.#detector.audio();
      if (this.#injections.some(({ fromIndex, toIndex }) => index >= fromIndex && index < toIndex)) return;
      this.history.put(index, unit.samples);
      this.#arrivals.push({ index, samples: unit.samples });
      return;
    }
    // All packets of an event carry the timestamp of its beginning. The first to come has the place that its duration
    // tells: earlier ones may be lost.
    if (this.#event?.timestamp !== unit.timestamp) {
      const elapsed = Math.max(0, Math.ceil(unit.duration / FRAME_SAMPLES) - 1);
      const { ssrc } = unit;
      const timestamp = (unit.timestamp + elapsed * FRAME_SAMPLES) >>> 0;
      const index = this.#playout.place({ ssrc, timestamp }, tick, current);
      this.#event = { timestamp: unit.timestamp, startIndex: index - elapsed };
    }
    const { startIndex } = this.#event;
    const key = this.#detector.event(unit);
    if (key === undefined) return;
    const frames = Math.ceil(key.duration / FRAME_SAMPLES);
    this.#onKey({ event: key.event, startIndex, frames, duration: key.duration, repeat: key.repeat });
  }

  /**
   * A SIP INFO came (`application/dtmf-relay`: key and duration). The session border controller has rtpengine put an
   * event into the stream towards FreeSWITCH, in place of the phone's audio.
   */
  inject(event: number, durationMs: number, tick: number): void {
    const duration = durationMs * SAMPLES_PER_MS;
    const frames = Math.ceil(duration / FRAME_SAMPLES);
    const fromIndex = Math.max(tick, ...this.#injections.map(({ toIndex }) => toIndex - END_REPEAT_FRAMES));
    this.#injections.push({
      fromIndex,
      toIndex: fromIndex + frames + END_REPEAT_FRAMES,
      key: { event, startIndex: fromIndex, frames, duration, repeat: 0 },
      done: false,
    });
  }

  /** What arrived since the last time, in order of arrival. */
  takeArrivals(): readonly Arrival[] {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    return arrivals;
  }

  /** At each relay tick, before anything is relayed. */
  tick(tick: number): void {
    for (const injection of this.#injections) {
      if (injection.done || tick < injection.key.startIndex + injection.key.frames - 1) continue;
      injection.done = true;
      this.#onKey(injection.key);
    }
    if (this.#injections.some(({ toIndex }) => toIndex < tick - INJECTION_KEPT_TICKS)) {
      this.#injections = this.#injections.filter(({ toIndex }) => toIndex >= tick - INJECTION_KEPT_TICKS);
    }
  }
}
