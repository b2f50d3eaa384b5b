import type { ConferenceMember, ConferenceOptions } from '../contract.ts';
import type { LegTransport } from '../leg-transport.ts';
import type { MediaClock } from '../media-clock.ts';
import { Conference } from './conference.ts';
import { FreeswitchLeg } from './freeswitch-leg.ts';

/** The media server: legs, bridges between two of them, and conferences. */
export class Freeswitch {
  readonly #clock: MediaClock;
  readonly #random: () => number;
  readonly #legs = new Set<FreeswitchLeg>();
  readonly #conferences = new Map<string, Conference>();
  #stopRelaying: (() => void) | undefined;

  constructor(clock: MediaClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  createLeg(transport: LegTransport): FreeswitchLeg {
    const leg = new FreeswitchLeg(this.#clock, this.#random, transport);
    this.#legs.add(leg);
    this.#stopRelaying ??= this.#clock.onRelay((tick) => this.#tick(tick));
    return leg;
  }

  removeLeg(leg: FreeswitchLeg): void {
    leg.end();
    this.#legs.delete(leg);
    if (this.#legs.size > 0) return;
    this.#stopRelaying?.();
    this.#stopRelaying = undefined;
    this.#conferences.clear();
  }

  bridge(a: FreeswitchLeg, b: FreeswitchLeg): () => void {
    const stops = [a.bridgeTo(b), b.bridgeTo(a)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  joinConference(leg: FreeswitchLeg, name: string, options: ConferenceOptions): ConferenceMember {
    const conference = this.#conferences.get(name) ?? new Conference(this.#clock);
    this.#conferences.set(name, conference);
    return leg.join(conference, options);
  }

  #tick(tick: number): void {
    for (const leg of this.#legs) leg.beginTick(tick);
    for (const leg of this.#legs) leg.relay(tick);
    for (const [name, conference] of this.#conferences) {
      if (conference.empty) this.#conferences.delete(name);
      else conference.mix(tick);
    }
    for (const leg of this.#legs) leg.endTick(tick);
  }
}
