import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { agentSpeech, callerSpeech } from '../simulators/audio/speech.ts';
import { FREESWITCH_ADDRESS, SBC_INTERNAL_ADDRESS } from '../simulators/jambonz/media/addresses.ts';
import type {
  ConferenceMember,
  Fork,
  ForkOptions,
  KeyedKey,
  Media,
  OutboundLeg,
  OutboundResult,
  Phone,
  PhoneOptions,
} from '../simulators/jambonz/media/contract.ts';
import { writeSdp } from '../simulators/jambonz/media/rtp/sdp.ts';

/** The shortest honest spacing of keys: 40 ms down and 20 ms up, and 2 ms for the timer. */
export const KEY_SPACING_MS = 62;
/** 40 ms in 8 kHz units, as jambonz writes it. */
const KEY_DURATION = '320';
/** A frame at once is that of a key that went down 40 ms and the usual way of 84 ms ago: nobody keys before being asked. */
const FRAME_AFTER_PRESS_MS = 130;
const FRAME_MS = 20;
const FRAME_SAMPLES = 160;

/** What taps deliver, made once: speech of a leg's own, and beside it the other's or silence. */
interface Sound {
  readonly mono: readonly Buffer[];
  readonly givenSpeech: readonly Buffer[];
  readonly givenSilence: readonly Buffer[];
}

/**
 * A telephone system that costs next to nothing, so that what is measured is the gateway. It has conferences, mutes and
 * taps with real speech in real time, as the gateway's proofs need them; but no packets, no mixing and no delays, and
 * its phones' keys are on the listen socket at once.
 */
export class InstantMedia implements Media {
  readonly freeswitchAddress = FREESWITCH_ADDRESS;
  readonly #replaced: Media;
  readonly #legs = new Set<InstantLeg>();
  readonly #rooms = new Map<string, Set<InstantLeg>>();
  readonly #callerSound = soundOf(callerSpeech(), agentSpeech());
  readonly #agentSound = soundOf(agentSpeech(), callerSpeech());
  readonly #timer: NodeJS.Timeout;
  readonly #startedMs = performance.now();
  #frames = 0;

  /** `replaced` is not used and closed with this one. */
  constructor(replaced: Media) {
    this.#replaced = replaced;
    this.#timer = setInterval(() => this.#tick(), FRAME_MS);
  }

  createPhone({ number }: PhoneOptions): Phone {
    return new InstantPhone(number);
  }

  async inbound(phone: Phone, onHangUp: () => void): Promise<InstantLeg> {
    return Promise.resolve(this.#connect(phone, this.#callerSound, onHangUp));
  }

  async outbound(phone: Phone, options: { ringing(): void; onHangUp(): void }): Promise<OutboundLeg> {
    const leg = this.#connect(phone, this.#agentSound, () => options.onHangUp());
    setImmediate(() => {
      options.ringing();
      leg.settle({ result: 'answered' });
    });
    return Promise.resolve(leg);
  }

  bridge(): () => void {
    throw new Error('only conferences are measured');
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const leg of this.#legs) leg.hangUp();
    await this.#replaced.close();
  }

  #connect(phone: Phone, sound: Sound, onHangUp: () => void): InstantLeg {
    if (!(phone instanceof InstantPhone)) throw new TypeError('a phone of another telephone system');
    const leg = new InstantLeg(sound, this.#rooms, () => this.#legs.delete(leg));
    this.#legs.add(leg);
    phone.leg = leg;
    phone.hungUp = () => {
      leg.hangUp();
      onHangUp();
    };
    return leg;
  }

  /** Timers come late; the frames of a second are fifty all the same. */
  #tick(): void {
    const due = (performance.now() - this.#startedMs) / FRAME_MS;
    for (; this.#frames < due; this.#frames += 1) {
      for (const leg of this.#legs) leg.deliver(this.#frames);
    }
  }
}

class InstantLeg implements OutboundLeg {
  readonly sipCallId = randomUUID();
  readonly sbcCallId = randomUUID();
  readonly fromTag = randomBytes(8).toString('hex');
  readonly sdp = writeSdp({ host: SBC_INTERNAL_ADDRESS, port: 40_000 }, 1);
  readonly final: Promise<OutboundResult>;
  settle: (result: OutboundResult) => void = () => undefined;
  muted = false;
  readonly #sound: Sound;
  readonly #rooms: Map<string, Set<InstantLeg>>;
  readonly #onEnd: () => void;
  readonly #taps = new Set<ForkOptions>();
  #room: Set<InstantLeg> | undefined;

  constructor(sound: Sound, rooms: Map<string, Set<InstantLeg>>, onEnd: () => void) {
    this.#sound = sound;
    this.#rooms = rooms;
    this.#onEnd = onEnd;
    this.final = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  async answer(): Promise<void> {
    await Promise.resolve();
  }

  hangUp(): void {
    this.#room?.delete(this);
    this.#taps.clear();
    this.#onEnd();
    this.settle({ result: 'no_answer' });
  }

  cancel(): void {
    this.hangUp();
  }

  fork(options: ForkOptions): Fork {
    this.#taps.add(options);
    return { close: () => void this.#taps.delete(options) };
  }

  async play(): Promise<void> {
    await Promise.resolve();
  }

  joinConference(name: string): ConferenceMember {
    const room = this.#rooms.get(name) ?? new Set();
    this.#rooms.set(name, room.add(this));
    this.#room = room;
    return {
      leave: () => void room.delete(this),
      mute: (on) => {
        this.muted = on;
      },
      coach: () => undefined,
    };
  }

  async renegotiate(): Promise<void> {
    await Promise.resolve();
  }

  key(dtmf: string): void {
    for (const tap of this.#taps) tap.onKey({ dtmf, duration: KEY_DURATION });
  }

  deliver(frame: number): void {
    if (this.#taps.size === 0) return;
    const hears = [...(this.#room ?? [])].some((member) => member !== this && !member.muted);
    const { mono, givenSpeech, givenSilence } = this.#sound;
    for (const tap of this.#taps) {
      const frames = tap.mixType === 'mono' ? mono : hears ? givenSpeech : givenSilence;
      tap.onAudio(frames[frame % frames.length] ?? Buffer.alloc(0));
    }
  }
}

class InstantPhone implements Phone {
  readonly number: string;
  leg: InstantLeg | undefined;
  hungUp: () => void = () => undefined;

  constructor(number: string) {
    this.number = number;
  }

  /** `startMs` is when the key's frame was handed over. */
  async key(digits: string): Promise<readonly KeyedKey[]> {
    const keyed: KeyedKey[] = [];
    await delay(FRAME_AFTER_PRESS_MS);
    for (const key of digits) {
      const startMs = performance.now();
      this.leg?.key(key);
      keyed.push({ key, startMs, endMs: startMs });
      await delay(KEY_SPACING_MS);
    }
    return keyed;
  }

  setSpeaking(): void {
    // Everyone speaks all the time.
  }

  hangUp(): void {
    this.hungUp();
  }

  heard(): { readonly samples: Int16Array; readonly startedAtMs: number } {
    return { samples: new Int16Array(0), startedAtMs: 0 };
  }

  telephoneEventsHeard(): readonly [] {
    return [];
  }
}

/** L16 frames, little endian; in stereo channel 1 is what the leg is given. */
function soundOf(own: Int16Array, other: Int16Array): Sound {
  const count = Math.floor(Math.min(own.length, other.length) / FRAME_SAMPLES);
  const frames = (channels: 1 | 2, given?: Int16Array): Buffer[] =>
    Array.from({ length: count }, (_, index) => {
      const frame = Buffer.alloc(FRAME_SAMPLES * 2 * channels);
      for (let at = 0; at < FRAME_SAMPLES; at += 1) {
        const sample = index * FRAME_SAMPLES + at;
        frame.writeInt16LE(own[sample] ?? 0, at * 2 * channels);
        if (channels === 2) frame.writeInt16LE(given?.[sample] ?? 0, at * 4 + 2);
      }
      return frame;
    });
  return { mono: frames(1), givenSpeech: frames(2, other), givenSilence: frames(2) };
}
