import type { ConferenceMember, ConferenceOptions } from '../contract.ts';
import type { MediaClock } from '../media-clock.ts';
import { RELAY_PHASE_MS } from '../media-clock.ts';
import { mixFrames } from './frame-history.ts';
import type { FreeswitchLeg } from './freeswitch-leg.ts';
import { Gate } from './gate.ts';
import type { LegKey } from './leg-input.ts';

/** Measured from the command to the last, or first, sample that another member hears. */
export const MUTE_ON_MS = 31;
export const MUTE_OFF_MS = 92;
export const COACH_MS = 100;

/** One frame of patience: the conference reads its members by its own timer. */
const PLAYOUT_TICKS = 1;

const KEY_ZERO = 0;
const KEY_STAR = 10;
const KEY_POUND = 11;

interface Member {
  readonly leg: FreeswitchLeg;
  readonly options: ConferenceOptions;
  readonly joinedAtMs: number;
  readonly voice: Gate;
  /** Open: everyone hears this member. Closed: only those with `coachTag`. */
  readonly coaching: Gate;
  coachTag: string | undefined;
  deaf: boolean;
}

/** A FreeSWITCH conference: every member hears the sum of the others. Events stop here, tones are audio. */
export class Conference {
  readonly #clock: MediaClock;
  readonly #members = new Map<FreeswitchLeg, Member>();

  constructor(clock: MediaClock) {
    this.#clock = clock;
  }

  get empty(): boolean {
    return this.#members.size === 0;
  }

  join(leg: FreeswitchLeg, options: ConferenceOptions): ConferenceMember {
    const member: Member = {
      leg,
      options,
      joinedAtMs: this.#clock.now(),
      voice: new Gate(true),
      coaching: new Gate(true),
      coachTag: undefined,
      deaf: false,
    };
    this.#members.set(leg, member);
    return {
      leave: () => {
        if (this.#members.get(leg) === member) this.#members.delete(leg);
      },
      mute: (on) => member.voice.set(!on, this.#clock.now() + (on ? MUTE_ON_MS : MUTE_OFF_MS)),
      coach: (tag) => {
        if (tag !== undefined) member.coachTag = tag;
        member.coaching.set(tag === undefined, this.#clock.now() + COACH_MS);
      },
    };
  }

  leave(leg: FreeswitchLeg): void {
    this.#members.delete(leg);
  }

  /** A key reaches the conference's own controls and nobody else. */
  key(leg: FreeswitchLeg, key: LegKey): void {
    const member = this.#members.get(leg);
    if (member?.options.callerControls !== 'stock') return;
    const now = this.#clock.now();
    if (key.event === KEY_ZERO) member.voice.set(!member.voice.target, now);
    else if (key.event === KEY_STAR) {
      member.deaf = !member.deaf;
      member.voice.set(!member.deaf, now);
    } else if (key.event === KEY_POUND) {
      this.#members.delete(leg);
      member.options.onThrownOut();
    }
  }

  mix(tick: number): void {
    const frameAtMs = this.#clock.timeOf(tick) + RELAY_PHASE_MS;
    for (const listener of this.#members.values()) {
      const heard = listener.deaf ? [] : this.#heardBy(listener, tick, frameAtMs);
      listener.leg.give(tick, mixFrames(heard));
    }
    for (const { voice, coaching } of this.#members.values()) {
      voice.settle(frameAtMs);
      coaching.settle(frameAtMs);
    }
  }

  #heardBy(listener: Member, tick: number, frameAtMs: number): Int16Array[] {
    const heard: Int16Array[] = [];
    for (const speaker of this.#members.values()) {
      if (speaker === listener) continue;
      const spoken = speaker.leg.input.history.at(tick - PLAYOUT_TICKS);
      const voice = spoken && speaker.voice.pass(spoken, frameAtMs);
      const audible = voice && this.#relation(speaker, listener, voice, frameAtMs);
      if (audible !== undefined) heard.push(audible);
    }
    return heard;
  }

  /** Coaching is a relation between members; for one who joins, it stands only some time later. */
  #relation(speaker: Member, listener: Member, voice: Int16Array, frameAtMs: number): Int16Array | undefined {
    const coached = speaker.coachTag !== undefined && listener.options.memberTag === speaker.coachTag;
    if (coached || frameAtMs < listener.joinedAtMs + COACH_MS) return voice;
    return speaker.coaching.pass(voice, frameAtMs);
  }
}
