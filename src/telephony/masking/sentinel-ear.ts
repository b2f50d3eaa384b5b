import { ToneDetector } from '../../dtmf/tone-detector.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { AUDIBLE_DBFS, levelOf } from './level-meter.ts';

/** Speech is −20 to −30 dBFS and a keyed tone −10 to −25; what a muted conference gives is below this. */
const SILENT_BELOW_DBFS = -60;
/** 60 ms: more than the gap between two keys of the fastest dialler. */
const SILENT_FRAMES = 3;
/** Longer than people pause within what they say. */
const LONGER_THAN_A_PAUSE_MS = 600;
/** The two legs are heard over two sockets: the same moment may reach this process this far apart. */
const LEGS_APART_MS = 60;
/** Audio that was on its way when the guard closed still arrives: a mute takes 31 ms, transport and jitter the rest. */
const GUARD_SETTLES_MS = 150;
const SAMPLES_PER_MS = 8;

export interface SentinelFindings {
  readonly listenedMs: number;
  readonly digitsHeard: number;
  readonly loudestWhileGuardedDbfs?: number;
}

export interface Silence {
  /** The first of the silent frames, ms after `notBeforeMs`. */
  readonly afterMs: number;
  readonly loudestDbfs: number;
}

/** Whether the silence that began at `fromMs` and has lasted for `frames` whole frames until `nowMs` is enough. */
type Enough = (fromMs: number, frames: number, nowMs: number) => boolean;

interface SilenceWait {
  readonly notBeforeMs: number;
  readonly resolve: (silence: Silence) => void;
  readonly timer: Timer;
  readonly enough: Enough;
  silentFrames: number;
  firstSilentMs: number;
  loudest: number;
}

/** Listens to what the agent leg is given: counts digits, measures what gets through, and confirms silence. */
export class SentinelEar {
  readonly #clock: Clock;
  readonly #digitHeard: () => void;
  readonly #soundWhileGuarded: () => void;
  readonly #detector: ToneDetector;
  readonly #waits = new Set<SilenceWait>();
  #armed = false;
  #samples = 0;
  #digits = 0;
  #loudestWhileGuarded: number | undefined;
  #guardedSinceMs: number | undefined;

  /**
   * While the ear is armed `digitHeard` is called for every digit, and `soundWhileGuarded` for every frame with a
   * sound in it that comes although the guard is closed.
   */
  constructor(clock: Clock, digitHeard: () => void, soundWhileGuarded: () => void = () => {}) {
    this.#clock = clock;
    this.#digitHeard = digitHeard;
    this.#soundWhileGuarded = soundWhileGuarded;
    this.#detector = new ToneDetector({
      toneEnergy: () => {},
      keyDown: () => this.#heard(),
      keyUp: () => {},
    });
  }

  /** From now on a digit is a breach. */
  arm(): void {
    this.#armed = true;
  }

  disarm(): void {
    this.#armed = false;
  }

  guardClosed(): void {
    this.#guardedSinceMs ??= this.#clock.monotonicMs();
  }

  guardOpened(): void {
    this.#guardedSinceMs = undefined;
  }

  /** One frame of what the agent is given. */
  push(samples: Int16Array): void {
    this.#samples += samples.length;
    this.#detector.push(samples);
    const level = levelOf(samples);
    const endsMs = this.#clock.monotonicMs();
    const startsMs = endsMs - samples.length / SAMPLES_PER_MS;
    if (this.#guardedSinceMs !== undefined && startsMs >= this.#guardedSinceMs + GUARD_SETTLES_MS) {
      this.#loudestWhileGuarded = Math.max(this.#loudestWhileGuarded ?? level, level);
      if (this.#armed && level >= AUDIBLE_DBFS) this.#soundWhileGuarded();
    }
    for (const wait of this.#waits) this.#advance(wait, level, startsMs, endsMs);
  }

  /** A digit event was given to the agent. */
  telephoneEvent(): void {
    this.#heard();
  }

  /**
   * Resolves when three frames in a row, none of which began before `notBeforeMs`, were silent. Rejects with
   * `masking_unavailable` after `withinMs`.
   */
  silence(notBeforeMs: number, withinMs: number): Promise<Silence> {
    return this.#wait(notBeforeMs, withinMs, (_fromMs, frames) => frames >= SILENT_FRAMES);
  }

  /**
   * The same, for a silence that is more than a pause in speech: the caller made a sound in it that was not given to
   * the agent, or it has lasted for longer than people pause. `soundedMs` is when the caller last made a sound.
   */
  mute(soundedMs: () => number | undefined, withinMs: number): Promise<Silence> {
    let withheldMs: number | undefined;
    return this.#wait(this.#clock.monotonicMs(), withinMs, (fromMs, _frames, nowMs) => {
      if (nowMs >= fromMs + LONGER_THAN_A_PAUSE_MS) return true;
      if (withheldMs === undefined || withheldMs < fromMs) withheldMs = soundedMs();
      if (withheldMs === undefined || withheldMs < fromMs + LEGS_APART_MS) {
        withheldMs = undefined;
        return false;
      }
      return nowMs >= withheldMs + LEGS_APART_MS;
    });
  }

  #wait(notBeforeMs: number, withinMs: number, enough: Enough): Promise<Silence> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(withinMs, () => {
        this.#waits.delete(wait);
        reject(
          new HushtoneError(
            'masking_unavailable',
            'unavailable',
            'the agent leg did not fall silent in time',
          ),
        );
      });
      const wait: SilenceWait = {
        notBeforeMs,
        resolve,
        timer,
        enough,
        silentFrames: 0,
        firstSilentMs: 0,
        loudest: 0,
      };
      this.#waits.add(wait);
    });
  }

  /** Undefined when nothing was ever heard. */
  findings(): SentinelFindings | undefined {
    if (this.#samples === 0) return undefined;
    return {
      listenedMs: Math.round(this.#samples / SAMPLES_PER_MS),
      digitsHeard: this.#digits,
      ...(this.#loudestWhileGuarded !== undefined && {
        loudestWhileGuardedDbfs: Math.round(this.#loudestWhileGuarded * 10) / 10,
      }),
    };
  }

  /** Forgets all audio. */
  wipe(): void {
    this.#armed = false;
    this.#detector.wipe();
  }

  #advance(wait: SilenceWait, level: number, startsMs: number, endsMs: number): void {
    if (startsMs < wait.notBeforeMs) return;
    if (level >= SILENT_BELOW_DBFS) {
      wait.silentFrames = 0;
      return;
    }
    if (wait.silentFrames === 0) {
      wait.firstSilentMs = startsMs;
      wait.loudest = level;
    }
    wait.silentFrames += 1;
    wait.loudest = Math.max(wait.loudest, level);
    if (!wait.enough(wait.firstSilentMs, wait.silentFrames, endsMs)) return;
    this.#waits.delete(wait);
    wait.timer.cancel();
    wait.resolve({ afterMs: wait.firstSilentMs - wait.notBeforeMs, loudestDbfs: wait.loudest });
  }

  #heard(): void {
    if (!this.#armed) return;
    this.#digits += 1;
    this.#digitHeard();
  }
}
