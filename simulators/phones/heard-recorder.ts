import { SAMPLES_PER_MS, timestampDifference, type AudioUnit } from '../jambonz/media/media-unit.ts';

/** A timestamp this far from its time of arrival (8 s) begins anew: no stall that the clock catches up explains it. */
const LARGEST_STRAY = 64_000;

/** Records a stream by its timestamps, the first packet by its arrival. What did not come is zeros. */
export class HeardRecorder {
  readonly startedAtMs: number;
  #samples = new Int16Array(16_000);
  #end = 0;
  #stoppedAtMs: number | undefined;
  #anchor: { ssrc: number; timestamp: number; position: number } | undefined;

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  record(unit: AudioUnit, atMs: number): void {
    if (this.#stoppedAtMs !== undefined) return;
    const arrived = this.#positionOf(atMs);
    const position = this.#place(unit, arrived);
    const start = Math.max(0, position);
    const end = position + unit.samples.length;
    if (end <= 0) return;
    if (end > this.#samples.length) {
      const grown = new Int16Array(Math.max(end, this.#samples.length * 2));
      grown.set(this.#samples);
      this.#samples = grown;
    }
    this.#samples.set(unit.samples.subarray(start - position), start);
    this.#end = Math.max(this.#end, end);
  }

  /** The leg is gone: time stands still. */
  stop(atMs: number): void {
    this.#stoppedAtMs ??= atMs;
  }

  /** A copy, up to now or to the end of the leg. */
  heard(nowMs: number): Int16Array {
    const length = Math.max(this.#end, this.#positionOf(this.#stoppedAtMs ?? nowMs), 0);
    const heard = new Int16Array(length);
    heard.set(this.#samples.subarray(0, Math.min(this.#end, length)));
    return heard;
  }

  #positionOf(atMs: number): number {
    return Math.round((atMs - this.startedAtMs) * SAMPLES_PER_MS);
  }

  #place({ ssrc, timestamp }: AudioUnit, arrived: number): number {
    if (this.#anchor?.ssrc === ssrc) {
      const position = this.#anchor.position + timestampDifference(timestamp, this.#anchor.timestamp);
      if (Math.abs(position - arrived) <= LARGEST_STRAY) return position;
    }
    this.#anchor = { ssrc, timestamp, position: arrived };
    return arrived;
  }
}
