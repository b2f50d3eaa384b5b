import { FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS } from '../media-unit.ts';

/** Lets sound pass or not. A change takes effect at a moment of its own, exact to the sample. */
export class Gate {
  #open: boolean;
  #change: { readonly atMs: number; readonly open: boolean } | undefined;

  constructor(open: boolean) {
    this.#open = open;
  }

  /** What it is, or is about to be. */
  get target(): boolean {
    return this.#change?.open ?? this.#open;
  }

  /** A later command wins over one that is still to take effect. */
  set(open: boolean, atMs: number): void {
    this.#change = open === this.#open ? undefined : { atMs, open };
  }

  /** `frame` as it passes when its first sample is due at `frameAtMs`; undefined when nothing of it does. */
  pass(frame: Int16Array, frameAtMs: number): Int16Array | undefined {
    const change = this.#change;
    if (change === undefined || change.atMs >= frameAtMs + FRAME_MS) return this.#open ? frame : undefined;
    const at = Math.max(0, Math.ceil((change.atMs - frameAtMs) * SAMPLES_PER_MS));
    const part = new Int16Array(FRAME_SAMPLES);
    if (change.open) part.set(frame.subarray(at), at);
    else part.set(frame.subarray(0, at), 0);
    return part;
  }

  /** The frame due at `frameAtMs` is done with. */
  settle(frameAtMs: number): void {
    const change = this.#change;
    if (change === undefined || change.atMs >= frameAtMs + FRAME_MS) return;
    this.#open = change.open;
    this.#change = undefined;
  }
}
