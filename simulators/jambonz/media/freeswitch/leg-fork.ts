import type { ForkOptions } from '../contract.ts';
import type { MediaClock, MediaTimer } from '../media-clock.ts';
import { FRAME_SAMPLES } from '../media-unit.ts';
import { mixFrames, SILENT_FRAME } from './frame-history.ts';
import { END_REPEAT_FRAMES, type LegInput, type LegKey } from './leg-input.ts';
import type { LegOutput } from './leg-output.ts';

/** What a fork lags behind the leg. With the clock's tap phase it puts a key 63 to 83 ms behind the press. */
const FORK_DELAY_TICKS = 1;

/** A key leaves somewhere between two frames. */
const KEY_SPREAD_MS = 20;

/** A duplicate follows 43 to 49 ms after the frame before it. */
const REPEAT_AFTER_MS = 43;
const REPEAT_SPREAD_MS = 6;

/** Keys that have left are remembered for their repeats. */
const KEPT_KEYS = 8;

const KEYS = '0123456789*#ABCD';

/** While an event or nothing arrives, FreeSWITCH's read fills the tap with 0xFF bytes: constant samples of −1. */
const NOTHING_READ = new Int16Array(FRAME_SAMPLES).fill(-1);

interface PendingKey {
  readonly key: LegKey;
  /** The key leaves after this frame: the tap's last one of the event. */
  readonly afterIndex: number;
  state: 'waiting' | 'leaving' | 'gone';
  timer?: MediaTimer;
  goneAtMs: number;
  readonly repeats: LegKey[];
}

/** `mod_audio_fork` on one leg: a frame every 20 ms and a message a key. */
export class LegFork {
  readonly #clock: MediaClock;
  readonly #random: () => number;
  readonly #options: ForkOptions;
  readonly #input: LegInput;
  readonly #output: LegOutput;
  readonly #timers = new Set<MediaTimer>();
  #keys: PendingKey[] = [];
  #open = true;

  constructor(
    clock: MediaClock,
    random: () => number,
    input: LegInput,
    output: LegOutput,
    options: ForkOptions,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#input = input;
    this.#output = output;
    this.#options = options;
  }

  close(): void {
    this.#open = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#keys = [];
  }

  key(key: LegKey): void {
    if (!this.#open) return;
    if (key.repeat === 0) {
      // Keys never overtake each other, also when the way became shorter between them.
      const before = (this.#keys.at(-1)?.afterIndex ?? -Infinity) + key.frames;
      const afterIndex = Math.max(before, key.startIndex + key.frames + END_REPEAT_FRAMES - 1);
      this.#keys.push({ key, afterIndex, state: 'waiting', goneAtMs: 0, repeats: [] });
      return;
    }
    const first = this.#keys.findLast((pending) => pending.key.startIndex === key.startIndex);
    if (first === undefined) return; // the fork was opened after the key itself
    first.repeats.push(key);
    if (first.state === 'gone') this.#scheduleRepeat(first);
  }

  tick(tick: number): void {
    if (!this.#open) return;
    // What was to leave before this frame leaves before it, also when its timer is late.
    for (const pending of this.#keys) if (pending.state === 'leaving') this.#leave(pending);
    const index = tick - FORK_DELAY_TICKS;
    this.#options.onAudio(this.#frame(index));
    for (const pending of this.#keys) {
      if (pending.state !== 'waiting' || index < pending.afterIndex) continue;
      pending.state = 'leaving';
      pending.timer = this.#after(this.#random() * KEY_SPREAD_MS, () => this.#leave(pending));
    }
    const done = this.#keys.length - KEPT_KEYS;
    if (done > 0) this.#keys = this.#keys.filter(({ state }, index) => index >= done || state !== 'gone');
  }

  #leave(pending: PendingKey): void {
    if (pending.state !== 'leaving' || !this.#open) return;
    pending.timer?.cancel();
    pending.state = 'gone';
    this.#deliver(pending, pending.key);
    this.#scheduleRepeat(pending);
  }

  #scheduleRepeat(pending: PendingKey): void {
    const repeat = pending.repeats.shift();
    if (repeat === undefined) return;
    const wait = pending.goneAtMs + REPEAT_AFTER_MS + this.#random() * REPEAT_SPREAD_MS - this.#clock.now();
    this.#after(Math.max(0, wait), () => {
      this.#deliver(pending, repeat);
      this.#scheduleRepeat(pending);
    });
  }

  #deliver(pending: PendingKey, key: LegKey): void {
    pending.goneAtMs = this.#clock.now();
    this.#options.onKey({ dtmf: KEYS.charAt(key.event), duration: String(key.duration) });
  }

  #after(delayMs: number, callback: () => void): MediaTimer {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return timer;
  }

  #frame(index: number): Buffer {
    const heard = this.#input.history.at(index) ?? NOTHING_READ;
    if (this.#options.mixType === 'mono') return littleEndian(heard);
    const given = this.#output.history.at(index) ?? SILENT_FRAME;
    if (this.#options.mixType === 'mixed') return littleEndian(mixFrames([heard, given]));
    const frame = Buffer.allocUnsafe(FRAME_SAMPLES * 4);
    for (let sample = 0; sample < FRAME_SAMPLES; sample++) {
      frame.writeInt16LE(heard[sample] ?? 0, sample * 4);
      frame.writeInt16LE(given[sample] ?? 0, sample * 4 + 2);
    }
    return frame;
  }
}

function littleEndian(samples: Int16Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_SAMPLES * 2);
  for (let sample = 0; sample < FRAME_SAMPLES; sample++) frame.writeInt16LE(samples[sample] ?? 0, sample * 2);
  return frame;
}
