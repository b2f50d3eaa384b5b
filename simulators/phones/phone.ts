import type {
  KeyedKey,
  KeyingOptions,
  Phone,
  PhoneOptions,
  TelephoneEventPacket,
} from '../jambonz/media/contract.ts';
import type { Impair, LegTransport } from '../jambonz/media/leg-transport.ts';
import type { MediaClock } from '../jambonz/media/media-clock.ts';
import { FRAME_SAMPLES, type MediaUnit } from '../jambonz/media/media-unit.ts';
import { seededRandom } from '../audio/tones.ts';
import { backgroundNoise } from './background-noise.ts';
import { HeardRecorder } from './heard-recorder.ts';
import { createImpair } from './impairment.ts';
import { compileKeying, type KeyingProgram, type KeyingTick } from './keying.ts';

/** The phone's side of its signalling. */
export interface PhoneLine {
  /** The person puts the receiver down, or declines. */
  hungUp(): void;
  /** A SIP INFO with a key (`application/dtmf-relay`). */
  info(event: number, durationMs: number): void;
}

interface Keying {
  readonly program: KeyingProgram;
  next: number;
  startTick: number;
  readonly done: (keys: readonly KeyedKey[]) => void;
  finished: boolean;
}

/** A telephone and the person at it. The telephone system rings it, connects it and lets it go. */
export class SimulatedPhone implements Phone {
  readonly number: string;
  readonly onRing: 'answer' | 'busy' | 'ignore';
  readonly ringMs: number;
  readonly impair: Impair;
  readonly #clock: MediaClock;
  readonly #noise: Int16Array;
  readonly #speech: Int16Array;
  #noisePosition: number;
  #speechPosition = 0;
  #speaking = false;
  #line: PhoneLine | undefined;
  #transport: LegTransport | undefined;
  #recorder: HeardRecorder;
  #eventsHeard: TelephoneEventPacket[] = [];
  #keyings: Keying[] = [];
  #audioInterrupted = true;

  constructor(options: PhoneOptions, clock: MediaClock, seed: number) {
    this.number = options.number;
    this.onRing = options.onRing ?? 'answer';
    this.ringMs = options.ringMs ?? 100;
    this.#clock = clock;
    const random = seededRandom(seed);
    this.impair = createImpair(clock, random, options.impairments);
    this.#noise = backgroundNoise(seed);
    this.#noisePosition = Math.floor((random() * this.#noise.length) / FRAME_SAMPLES) * FRAME_SAMPLES;
    this.#speech = options.speech ?? new Int16Array(0);
    this.#recorder = new HeardRecorder(clock.now());
    this.#recorder.stop(clock.now());
  }

  get inUse(): boolean {
    return this.#line !== undefined;
  }

  // What the person does

  async key(digits: string, options: KeyingOptions): Promise<readonly KeyedKey[]> {
    const program = compileKeying(digits, options);
    if (this.#transport === undefined) throw new Error(`phone ${this.number} is not in a call`);
    return new Promise((done) => {
      this.#keyings.push({ program, next: 0, startTick: 0, done, finished: false });
    });
  }

  setSpeaking(speaking: boolean): void {
    this.#speaking = speaking;
  }

  hangUp(): void {
    this.#line?.hungUp();
  }

  heard(): { readonly samples: Int16Array; readonly startedAtMs: number } {
    return { samples: this.#recorder.heard(this.#clock.now()), startedAtMs: this.#recorder.startedAtMs };
  }

  telephoneEventsHeard(): readonly TelephoneEventPacket[] {
    return [...this.#eventsHeard];
  }

  // What the telephone system does

  seize(line: PhoneLine): void {
    if (this.#line !== undefined) throw new Error(`phone ${this.number} is in use`);
    this.#line = line;
  }

  /** The leg is up: from now on the phone sends and records. */
  connect(transport: LegTransport): void {
    this.#transport = transport;
    this.#recorder = new HeardRecorder(this.#clock.now());
    this.#eventsHeard = [];
    this.#audioInterrupted = true;
    transport.receive((unit) => this.#hear(unit));
  }

  /** The leg is gone. Keys under way resolve with what was sent. */
  release(): void {
    this.#line = undefined;
    this.#transport = undefined;
    this.#recorder.stop(this.#clock.now());
    const now = this.#clock.now();
    for (const keying of this.#keyings) this.#finish(keying, now);
    this.#keyings = [];
  }

  tick(tick: number): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    const keyed = this.#nextKeying(tick);
    const timestamp = tick * FRAME_SAMPLES;
    if (keyed?.tick.info !== undefined) this.#line?.info(keyed.tick.info.event, keyed.tick.info.durationMs);
    if (keyed !== undefined) {
      for (const { startTick, ...packet } of keyed.tick.events) {
        transport.send({
          kind: 'event',
          ...packet,
          timestamp: (keyed.startTick + startTick) * FRAME_SAMPLES,
        });
      }
    }
    const samples = this.#audio(keyed?.tick);
    if (keyed?.tick.audio === false) {
      this.#audioInterrupted = true;
      return;
    }
    transport.send({ kind: 'audio', timestamp, marker: this.#audioInterrupted, samples });
    this.#audioInterrupted = false;
  }

  #nextKeying(tick: number): { readonly tick: KeyingTick; readonly startTick: number } | undefined {
    const keying = this.#keyings[0];
    if (keying === undefined) return undefined;
    // A stall that is too long to catch up skips ticks: the rest of the keys move.
    keying.startTick = tick - keying.next;
    const { program } = keying;
    const now = this.#clock.timeOf(tick);
    const lastUp = program.presses.at(-1)?.endMs ?? 0;
    if (now >= this.#clock.timeOf(keying.startTick) + lastUp) this.#finish(keying, now);
    const action = program.ticks[keying.next];
    if (action === undefined) {
      this.#keyings.shift();
      return this.#nextKeying(tick);
    }
    keying.next += 1;
    return { tick: action, startTick: keying.startTick };
  }

  #finish(keying: Keying, nowMs: number): void {
    if (keying.finished) return;
    keying.finished = true;
    const startMs = this.#clock.timeOf(keying.startTick);
    const keys = keying.next === 0 ? [] : keying.program.presses;
    keying.done(
      keys
        .map((press) => ({ key: press.key, startMs: startMs + press.startMs, endMs: startMs + press.endMs }))
        .filter((press) => press.endMs <= nowMs),
    );
  }

  #audio(keying: KeyingTick | undefined): Int16Array {
    const noise = this.#noise.subarray(this.#noisePosition, this.#noisePosition + FRAME_SAMPLES);
    this.#noisePosition = (this.#noisePosition + FRAME_SAMPLES) % this.#noise.length;
    if (keying !== undefined) return keying.tone === undefined ? noise : sum(noise, keying.tone, 0);
    if (!this.#speaking || this.#speech.length === 0) return noise;
    const spoken = sum(noise, this.#speech, this.#speechPosition);
    this.#speechPosition = (this.#speechPosition + FRAME_SAMPLES) % this.#speech.length;
    return spoken;
  }

  #hear(unit: MediaUnit): void {
    const atMs = this.#clock.now();
    if (unit.kind === 'audio') this.#recorder.record(unit, atMs);
    else {
      const { event, end, payloadType } = unit;
      this.#eventsHeard.push({ atMs, event, end, payloadType });
    }
  }
}

/** A frame of `noise` and `sound`, which is read from `from` on and round. */
function sum(noise: Int16Array, sound: Int16Array, from: number): Int16Array {
  const mixed = new Int16Array(FRAME_SAMPLES);
  for (let index = 0; index < FRAME_SAMPLES; index++) {
    const value = (noise[index] ?? 0) + (sound[(from + index) % sound.length] ?? 0);
    mixed[index] = Math.max(-32_768, Math.min(32_767, value));
  }
  return mixed;
}
