import type { Fork, ForkedKey, MediaLeg } from '../media/contract.ts';
import { isObject, type JsonObject, textOf } from './json.ts';
import { joinSamples, samplesOf } from './samples.ts';
import type { Timers } from './timers.ts';
import type { Timings } from './timings.ts';

export interface RecordedKey extends ForkedKey {
  readonly atMs: number;
}

/** One recording from its start to its stop. Times are `performance.now()`. */
export interface Recording {
  readonly type: 'siprec' | 'cloud';
  readonly startedAtMs: number;
  readonly stoppedAtMs?: number;
  readonly keys: readonly RecordedKey[];
  /** Caller and agent mixed down to one channel, 8 kHz. Empty when the simulator keeps no audio. */
  readonly samples: Int16Array;
}

interface Tape {
  readonly type: 'siprec' | 'cloud';
  readonly startedAtMs: number;
  stoppedAtMs?: number;
  readonly keys: RecordedKey[];
  readonly frames: Int16Array[];
}

/**
 * A call's recorder as the world outside sees it: what it got while it ran. Pausing stops the audio only; keys still
 * reach the recorder, as SIPREC events or as JSON frames. Only stopping keeps them away.
 */
export class Recorder {
  readonly #timers: Timers;
  readonly #timings: Timings;
  readonly #keepAudio: boolean;
  readonly #tapes: Tape[] = [];
  #wanted: 'off' | 'on' | 'paused' = 'off';
  #fork: Fork | undefined;

  constructor(timers: Timers, timings: Timings, keepAudio: boolean) {
    this.#timers = timers;
    this.#timings = timings;
    this.#keepAudio = keepAudio;
  }

  get state(): 'off' | 'on' | 'paused' {
    return this.#wanted;
  }

  get recordings(): readonly Recording[] {
    return this.#tapes.map((tape) => ({
      type: tape.type,
      startedAtMs: tape.startedAtMs,
      ...(tape.stoppedAtMs !== undefined && { stoppedAtMs: tape.stoppedAtMs }),
      keys: tape.keys,
      samples: joinSamples(tape.frames),
    }));
  }

  /** Obeys a `record` command or the `record` part of a `config`. Returns why not, when jambonz would not. */
  obey(options: JsonObject, leg: MediaLeg): string | undefined {
    const type = options['type'] === 'cloud' ? 'cloud' : 'siprec';
    switch (options['action']) {
      case 'startCallRecording':
        if (this.#wanted !== 'off') return 'recording is already started';
        if (type === 'siprec' && !hasServer(options)) return 'siprecServerURL is missing';
        this.#start(type, leg);
        return undefined;
      case 'stopCallRecording':
        if (this.#wanted === 'off') return 'recording is already stopped';
        this.#wanted = 'off';
        this.#timers.after(this.#timings.recorderMs, () => {
          if (this.#wanted === 'off') this.#stop();
        });
        return undefined;
      case 'pauseCallRecording':
        if (this.#wanted !== 'on') return 'recording is not running';
        this.#wanted = 'paused';
        return undefined;
      case 'resumeCallRecording':
        if (this.#wanted !== 'paused') return 'recording is not paused';
        this.#wanted = 'on';
        return undefined;
      default:
        return 'invalid record action';
    }
  }

  /** The call is over. */
  end(): void {
    this.#wanted = 'off';
    this.#stop();
  }

  #start(type: 'siprec' | 'cloud', leg: MediaLeg): void {
    this.#wanted = 'on';
    this.#timers.after(this.#timings.recorderMs, () => {
      if (this.#wanted === 'off') return;
      this.#stop();
      const tape: Tape = { type, startedAtMs: performance.now(), keys: [], frames: [] };
      this.#tapes.push(tape);
      this.#fork = leg.fork({
        mixType: 'mixed',
        onAudio: (frame) => {
          if (this.#keepAudio && this.#wanted !== 'paused') tape.frames.push(samplesOf(frame));
        },
        onKey: (key) => tape.keys.push({ ...key, atMs: performance.now() }),
      });
    });
  }

  #stop(): void {
    this.#fork?.close();
    this.#fork = undefined;
    const tape = this.#tapes.at(-1);
    if (tape !== undefined) tape.stoppedAtMs ??= performance.now();
  }
}

function hasServer(options: JsonObject): boolean {
  const server = options['siprecServerURL'];
  return textOf(server) !== undefined || (Array.isArray(server) && server.length > 0) || isObject(server);
}
