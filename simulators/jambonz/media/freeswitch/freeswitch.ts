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
  #stops: readonly (() => void)[] = [];

  constructor(clock: MediaClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  createLeg(transport: LegTransport): FreeswitchLeg {
    const leg = new FreeswitchLeg(this.#clock, this.#random, transport);
    this.#legs.add(leg);
    if (this.#stops.length === 0) {
      this.#stops = [
        this.#clock.onRelay((tick) => this.#relay(tick)),
        this.#clock.onTap((tick) => this.#tap(tick)),
      ];
    }
    return leg;
  }

  removeLeg(leg: FreeswitchLeg): void {
    leg.end();
    this.#legs.delete(leg);
    if (this.#legs.size > 0) return;
    for (const stop of this.#stops) stop();
    this.#stops = [];
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

  #relay(tick: number): void {
    for (const leg of this.#legs) leg.beginTick(tick);
    for (const leg of this.#legs) leg.relay(tick);
    for (const [name, conference] of this.#conferences) {
      if (conference.empty) this.#conferences.delete(name);
      else conference.mix(tick);
    }
    for (const leg of this.#legs) leg.endTick(tick);
  }

  #tap(tick: number): void {
    for (const leg of this.#legs) leg.tap(tick);
  }
}
