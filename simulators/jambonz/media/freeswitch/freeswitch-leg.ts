import type { ConferenceMember, ConferenceOptions, Fork, ForkOptions } from '../contract.ts';
import type { LegTransport } from '../leg-transport.ts';
import type { MediaClock } from '../media-clock.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../media-unit.ts';
import type { Conference } from './conference.ts';
import { mixFrames } from './frame-history.ts';
import { LegFork } from './leg-fork.ts';
import { LegInput, type LegKey } from './leg-input.ts';
import { LegOutput } from './leg-output.ts';

interface Playback {
  readonly samples: Int16Array;
  position: number;
  readonly done: () => void;
}

/** One answered channel of FreeSWITCH: what comes in goes to its bridge or conference and to its taps. */
export class FreeswitchLeg {
  readonly input: LegInput;
  readonly #clock: MediaClock;
  readonly #random: () => number;
  readonly #output: LegOutput;
  readonly #forks = new Set<LegFork>();
  #playbacks: Playback[] = [];
  #bridgedTo: FreeswitchLeg | undefined;
  #conference: Conference | undefined;
  #ended = false;

  constructor(clock: MediaClock, random: () => number, transport: LegTransport) {
    this.#clock = clock;
    this.#random = random;
    this.#output = new LegOutput(transport);
    this.input = new LegInput(random, (key) => this.#key(key));
    transport.receive((unit) => {
      if (this.#ended) return;
      const current = Math.floor((clock.now() - clock.timeOf(0)) / FRAME_MS);
      this.input.accept(unit, clock.nextRelayTick, current);
    });
  }

  /** A SIP INFO with a key came for this leg. */
  info(event: number, durationMs: number): void {
    if (!this.#ended) this.input.inject(event, durationMs, this.#clock.nextRelayTick);
  }

  fork(options: ForkOptions): Fork {
    const fork = new LegFork(this.#clock, this.#random, this.input, this.#output, options);
    if (this.#ended) fork.close();
    else this.#forks.add(fork);
    return {
      close: () => {
        this.#forks.delete(fork);
        fork.close();
      },
    };
  }

  async play(samples: Int16Array): Promise<void> {
    if (this.#ended || samples.length === 0) return;
    await new Promise<void>((done) => this.#playbacks.push({ samples, position: 0, done }));
  }

  /** One way of the bridge: what this leg hears from its phone goes to `other`. */
  bridgeTo(other: FreeswitchLeg): () => void {
    this.#bridgedTo = other;
    return () => {
      if (this.#bridgedTo === other) this.#bridgedTo = undefined;
    };
  }

  join(conference: Conference, options: ConferenceOptions): ConferenceMember {
    this.#conference?.leave(this);
    this.#conference = conference;
    const onThrownOut = (): void => {
      this.#conference = undefined;
      options.onThrownOut();
    };
    const member = conference.join(this, { ...options, onThrownOut });
    return {
      ...member,
      leave: () => {
        member.leave();
        if (this.#conference === conference) this.#conference = undefined;
      },
    };
  }

  /** First in a tick: events have the stream before audio. */
  beginTick(tick: number): void {
    this.input.tick(tick);
    this.#output.tick(tick);
  }

  /** Bridges relay what has arrived, late or in a burst, as FreeSWITCH does without a jitter buffer. */
  relay(tick: number): void {
    for (const { index, samples } of this.input.takeArrivals())
      this.#bridgedTo?.relayed(tick, index, samples);
  }

  /** The conference's frame for this leg. A playback is mixed into it; taps of the leg do not hear that. */
  give(tick: number, samples: Int16Array): void {
    const played = this.#nextPlayed();
    if (played === undefined) this.#output.sendFrame(tick, tick, samples);
    else this.#output.sendFrameWith(tick, mixFrames([samples, played]), samples);
  }

  /** Last in a relay tick: what is played on a leg outside of a conference. */
  endTick(tick: number): void {
    if (this.#conference !== undefined) return;
    const played = this.#nextPlayed();
    if (played !== undefined) this.#output.sendFrame(tick, tick, played);
  }

  tap(tick: number): void {
    for (const fork of this.#forks) fork.tick(tick);
  }

  end(): void {
    this.#ended = true;
    this.#conference?.leave(this);
    this.#conference = undefined;
    this.#bridgedTo = undefined;
    for (const fork of this.#forks) fork.close();
    this.#forks.clear();
    for (const { done } of this.#playbacks) done();
    this.#playbacks = [];
  }

  relayed(tick: number, index: number, samples: Int16Array): void {
    if (this.#playbacks.length === 0 && !this.#ended) this.#output.sendFrame(tick, index, samples);
  }

  #key(key: LegKey): void {
    for (const fork of this.#forks) fork.key(key);
    if (this.#bridgedTo !== undefined) this.#bridgedTo.#output.sendKey(key.event, key.duration);
    this.#conference?.key(this, key);
  }

  #nextPlayed(): Int16Array | undefined {
    const playback = this.#playbacks[0];
    if (playback === undefined) return undefined;
    const part = playback.samples.subarray(playback.position, playback.position + FRAME_SAMPLES);
    playback.position += FRAME_SAMPLES;
    if (playback.position >= playback.samples.length) {
      this.#playbacks.shift();
      playback.done();
    }
    if (part.length === FRAME_SAMPLES) return part;
    const padded = new Int16Array(FRAME_SAMPLES);
    padded.set(part);
    return padded;
  }
}
