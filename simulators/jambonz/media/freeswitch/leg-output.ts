import type { LegTransport } from '../leg-transport.ts';
import { FRAME_SAMPLES } from '../media-unit.ts';
import { FrameHistory } from './frame-history.ts';

/** RFC 4733 § 2.5.1.4: the last packet of an event is sent three times. FreeSWITCH sends them at once. */
const END_PACKETS = 3;

/** What FreeSWITCH sends to one phone. It makes its own events: timestamps and stream are its own. */
export class LegOutput {
  /** What the leg is given by its bridge or conference. */
  readonly history = new FrameHistory();
  readonly #transport: LegTransport;
  readonly #keys: { readonly event: number; readonly frames: number; readonly duration: number }[] = [];
  #sending: { event: number; startIndex: number; frames: number; duration: number } | undefined;
  #busyUntil = 0;
  #lastAudioIndex = -2;

  constructor(transport: LegTransport) {
    this.#transport = transport;
  }

  /** Queues a key press; it goes out as events from the next tick on, one key after the other. */
  sendKey(event: number, duration: number): void {
    this.#keys.push({ event, duration, frames: Math.max(1, Math.ceil(duration / FRAME_SAMPLES)) });
  }

  /** At each relay tick, before audio: the packet of this tick when a key is under way. */
  tick(tick: number): void {
    // One frame of audio stands between two keys.
    if (this.#sending === undefined && tick > this.#busyUntil) {
      const key = this.#keys.shift();
      if (key !== undefined) this.#sending = { ...key, startIndex: tick };
    }
    const sending = this.#sending;
    if (sending === undefined) return;
    this.#busyUntil = tick + 1;
    const sent = tick - sending.startIndex + 1;
    const last = sent >= sending.frames;
    for (let copy = 0; copy < (last ? END_PACKETS : 1); copy++) {
      this.#transport.send({
        kind: 'event',
        timestamp: sending.startIndex * FRAME_SAMPLES,
        marker: sent === 1 && copy === 0,
        event: sending.event,
        end: last,
        duration: last ? sending.duration : sent * FRAME_SAMPLES,
      });
    }
    if (last) this.#sending = undefined;
  }

  /** Sends a frame, unless an event has the stream at this tick. */
  sendFrame(tick: number, index: number, samples: Int16Array): void {
    if (tick < this.#busyUntil) return;
    this.history.put(index, samples);
    this.#send(index, samples);
  }

  /** As `sendFrame`, for a sound that a tap of the leg does not hear: `heardByTaps` is what it hears. */
  sendFrameWith(tick: number, samples: Int16Array, heardByTaps: Int16Array): void {
    if (tick < this.#busyUntil) return;
    this.history.put(tick, heardByTaps);
    this.#send(tick, samples);
  }

  #send(index: number, samples: Int16Array): void {
    const marker = index !== this.#lastAudioIndex + 1;
    this.#lastAudioIndex = index;
    this.#transport.send({ kind: 'audio', timestamp: index * FRAME_SAMPLES, marker, samples });
  }
}
