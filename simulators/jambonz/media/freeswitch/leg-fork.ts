import type { ForkOptions } from '../contract.ts';
import { TAP_PHASE_MS, type MediaClock, type MediaTimer } from '../media-clock.ts';
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

interface TappedKey {
  readonly key: LegKey;
  /** The key leaves after this frame: the tap's last one of the event. */
  readonly afterIndex: number;
  /** When its newest message leaves; undefined until that frame is there. */
  leavesAtMs: number | undefined;
  /** Came before that frame. */
  readonly repeats: LegKey[];
}

interface Message {
  readonly key: LegKey;
  readonly atMs: number;
}

/** `mod_audio_fork` on one leg: a frame every 20 ms and a message a key. */
export class LegFork {
  readonly #clock: MediaClock;
  readonly #random: () => number;
  readonly #options: ForkOptions;
  readonly #input: LegInput;
  readonly #output: LegOutput;
  readonly #timers = new Set<MediaTimer>();
  #keys: TappedKey[] = [];
  /** In the order in which they leave. */
  #messages: Message[] = [];
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
    this.#messages = [];
  }

  key(key: LegKey): void {
    if (!this.#open) return;
    if (key.repeat === 0) {
      // Keys never overtake each other, also when the way became shorter between them.
      const before = (this.#keys.at(-1)?.afterIndex ?? -Infinity) + key.frames;
      const afterIndex = Math.max(before, key.startIndex + key.frames + END_REPEAT_FRAMES - 1);
      this.#keys.push({ key, afterIndex, leavesAtMs: undefined, repeats: [] });
      return;
    }
    const first = this.#keys.findLast((tapped) => tapped.key.startIndex === key.startIndex);
    if (first === undefined) return; // the fork was opened after the key itself
    if (first.leavesAtMs === undefined) first.repeats.push(key);
    else this.#planRepeat(first, key);
  }

  tick(tick: number): void {
    if (!this.#open) return;
    const nowMs = this.#clock.timeOf(tick) + TAP_PHASE_MS;
    // What was to leave before this frame leaves before it, also when its timer is late.
    this.#send(nowMs);
    const index = tick - FORK_DELAY_TICKS;
    this.#options.onAudio(this.#frame(index));
    for (const tapped of this.#keys) {
      if (tapped.leavesAtMs !== undefined || index < tapped.afterIndex) continue;
      tapped.leavesAtMs = nowMs + this.#random() * KEY_SPREAD_MS;
      this.#plan(tapped.key, tapped.leavesAtMs);
      for (const repeat of tapped.repeats.splice(0)) this.#planRepeat(tapped, repeat);
    }
    const done = this.#keys.length - KEPT_KEYS;
    if (done > 0) {
      this.#keys = this.#keys.filter(({ leavesAtMs }, place) => place >= done || leavesAtMs === undefined);
    }
  }

  /** The time that counts is the media's: in a stall of this process messages keep their place between the frames. */
  #planRepeat(tapped: TappedKey, repeat: LegKey): void {
    const soonest = (tapped.leavesAtMs ?? 0) + REPEAT_AFTER_MS + this.#random() * REPEAT_SPREAD_MS;
    tapped.leavesAtMs = Math.max(soonest, this.#clock.timeOf(this.#clock.nextRelayTick));
    this.#plan(repeat, tapped.leavesAtMs);
  }

  #plan(key: LegKey, atMs: number): void {
    this.#messages.push({ key, atMs });
    this.#messages.sort((one, other) => one.atMs - other.atMs);
    this.#after(Math.max(0, atMs - this.#clock.now()), () => this.#send(atMs));
  }

  #send(untilMs: number): void {
    while (this.#open) {
      const next = this.#messages[0];
      if (next === undefined || next.atMs > untilMs) return;
      this.#messages.shift();
      this.#options.onKey({ dtmf: KEYS.charAt(next.key.event), duration: String(next.key.duration) });
    }
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
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
