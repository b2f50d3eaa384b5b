import { SAMPLES_PER_MS, timestampDifference, type AudioUnit } from '../jambonz/media/media-unit.ts';

/**
 * How long a delay must last to be one of the stream and not of single packets. Longer than a burst after a stall,
 * in which late packets come all at once.
 */
const SETTLE_MS = 1_000;

/** Less than this is the unevenness of every network. 5 ms. */
const UNEVENNESS = 40;

interface Received {
  readonly unit: AudioUnit;
  /** 8 kHz units since the leg came up. */
  readonly arrived: number;
}

/** Arrival against timestamp, in 8 kHz units: where a stream lies on the recording. */
interface Placement {
  readonly ssrc: number;
  readonly timestamp: number;
  readonly offset: number;
  /** The newest timestamp that was placed. */
  readonly newest: number;
}

/**
 * Records a stream: timestamps give the place of packets next to each other, arrival the place of the whole. Both are
 * needed. rtpengine numbers timestamps on without a gap where it blocked a key; packets come unevenly. What did not
 * come is zeros.
 */
export class HeardRecorder {
  readonly startedAtMs: number;
  #samples = new Int16Array(16_000);
  #end = 0;
  #stoppedAtMs: number | undefined;
  #placement: Placement | undefined;
  /** Not older than `SETTLE_MS`: their place is not final. */
  #recent: Received[] = [];

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  record(unit: AudioUnit, atMs: number): void {
    if (this.#stoppedAtMs !== undefined) return;
    const arrived = this.#positionOf(atMs);
    this.#recent.push({ unit, arrived });
    const settled = arrived - SETTLE_MS * SAMPLES_PER_MS;
    while (this.#recent.length > 1 && (this.#recent[0]?.arrived ?? arrived) < settled) {
      this.#placement = place(this.#recent, 0, this.#placement);
      const first = this.#recent.shift();
      if (first !== undefined) this.#write(positionOf(first.unit, this.#placement), first.unit.samples);
    }
  }

  /** The leg is gone: time stands still. */
  stop(atMs: number): void {
    this.#stoppedAtMs ??= atMs;
  }

  /** A copy, up to now or to the end of the leg. */
  heard(nowMs: number): Int16Array {
    const now = this.#positionOf(this.#stoppedAtMs ?? nowMs);
    const recent: { readonly position: number; readonly samples: Int16Array }[] = [];
    let placement = this.#placement;
    for (const [index, { unit }] of this.#recent.entries()) {
      placement = place(this.#recent, index, placement);
      recent.push({ position: positionOf(unit, placement), samples: unit.samples });
    }
    const length = recent.reduce(
      (end, { position, samples }) => Math.max(end, position + samples.length),
      Math.max(this.#end, now, 0),
    );
    const heard = new Int16Array(length);
    heard.set(this.#samples.subarray(0, this.#end));
    for (const { position, samples } of recent) {
      const start = Math.max(0, position);
      if (position + samples.length > 0) heard.set(samples.subarray(start - position), start);
    }
    return heard;
  }

  #positionOf(atMs: number): number {
    return Math.round((atMs - this.startedAtMs) * SAMPLES_PER_MS);
  }

  #write(position: number, samples: Int16Array): void {
    const start = Math.max(0, position);
    const end = position + samples.length;
    if (end <= 0) return;
    if (end > this.#samples.length) {
      const grown = new Int16Array(Math.max(end, this.#samples.length * 2));
      grown.set(this.#samples);
      this.#samples = grown;
    }
    this.#samples.set(samples.subarray(start - position), start);
    this.#end = Math.max(this.#end, end);
  }
}

/** The placement for packet `index`: later when all that follow are late too, earlier when it came earlier. */
function place(packets: readonly Received[], index: number, before: Placement | undefined): Placement {
  const current = packets[index];
  if (current === undefined) throw new RangeError('no such packet');
  const { ssrc, timestamp } = current.unit;
  const same = before?.ssrc === ssrc ? before : undefined;
  const reference: Placement = same ?? { ssrc, timestamp, offset: current.arrived, newest: timestamp };
  // A packet that was overtaken is late by itself.
  const inOrder = same === undefined || timestampDifference(timestamp, same.newest) > 0;
  const lateness = ({ unit, arrived }: Received): number => arrived - positionOf(unit, reference);
  let least = Infinity;
  for (const packet of packets.slice(index)) {
    if (packet.unit.ssrc === ssrc) least = Math.min(least, lateness(packet));
  }
  const own = lateness(current);
  const shift = same === undefined || (least > UNEVENNESS && inOrder) ? least : Math.min(0, own);
  return { ...reference, offset: reference.offset + shift, newest: inOrder ? timestamp : reference.newest };
}

function positionOf(unit: AudioUnit, { timestamp, offset }: Placement): number {
  return offset + timestampDifference(unit.timestamp, timestamp);
}
