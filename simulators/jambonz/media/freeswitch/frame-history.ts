import { FRAME_SAMPLES } from '../media-unit.ts';

/** 10 s of frames: more than the clock ever catches up after a stall. */
const KEPT = 512;

/** The newest frames of one direction by their place on FreeSWITCH's time line (one frame a relay tick). */
export class FrameHistory {
  readonly #indexes = Array.from({ length: KEPT }, () => -1);
  readonly #frames: (Int16Array | undefined)[] = [];

  put(index: number, samples: Int16Array): void {
    if (index < 0) return;
    const place = index % KEPT;
    if ((this.#indexes[place] ?? -1) > index) return; // later than anyone can want it
    this.#indexes[place] = index;
    this.#frames[place] = samples;
  }

  at(index: number): Int16Array | undefined {
    const place = index % KEPT;
    return index >= 0 && this.#indexes[place] === index ? this.#frames[place] : undefined;
  }
}

export const SILENT_FRAME = new Int16Array(FRAME_SAMPLES);

/** Sums frames without wrapping round. Returns the frame itself when there is only one. */
export function mixFrames(frames: readonly Int16Array[]): Int16Array {
  const [first, ...others] = frames;
  if (first === undefined) return SILENT_FRAME;
  if (others.length === 0) return first;
  const mixed = new Int16Array(FRAME_SAMPLES);
  for (let index = 0; index < FRAME_SAMPLES; index++) {
    let sum = first[index] ?? 0;
    for (const other of others) sum += other[index] ?? 0;
    mixed[index] = Math.max(-32_768, Math.min(32_767, sum));
  }
  return mixed;
}
