import { AudioHistory } from '../../dtmf/audio-history.ts';
import { KeyMerger } from '../../dtmf/key-merger.ts';
import { SAMPLE_RATE_HZ } from '../../dtmf/level.ts';
import { ToneDetector } from '../../dtmf/tone-detector.ts';
import { findToneLead } from '../../dtmf/tone-lead.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { KeyCode, Transport } from '../contract.ts';
import type { KeyCounts } from './evidence-log.ts';
import { wasHeardBeforeEvent } from './heard-before-event.ts';
import { AUDIBLE_DBFS, LevelMeter } from './level-meter.ts';

/** How a key press showed that this phone sends digits. */
export type ShownTransport = Exclude<Transport, 'unknown'>;

/** Times are `Clock.monotonicMs`. Handlers must not throw. */
export interface CallerEarListener {
  /** One key press. `startedMs`: when the key went down, at the latest that is certain. */
  key(key: KeyCode, startedMs: number): void;
  /** Something like a tone began or ended; `sinceMs` is when its first sample arrived. */
  energy(sounding: boolean, sinceMs: number): void;
  /** A tone is certainly a key. What it shows of the phone follows by `showed`. */
  toneDigit(sinceMs: number): void;
  /** `events` only after a look at enough audio before the event, and no tone in it. */
  showed(transport: ShownTransport, sinceMs: number): void;
}

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;

/** A digit's frame comes at most this long after the key is up (63 to 84 ms measured). */
const EVENT_ARRIVES_WITHIN_MS = 84;
/** In the audio the event of a press of 100 ms begins 140 ms before its frame (measured). */
const EVENT_BEGINS_BEFORE_PRESS_MS = 40;
/** A frame of audio comes every 20 ms; without any for longer the stream stands still. */
const STILL_FLOWS_MS = 100;
/** How far before an event a tone may begin and still be its lead. */
const LEAD_LOOK_MS = 300;
/** 10 ms: with less the look cannot rule out a tone, and says that there is one. */
const LEAST_LOOK_SAMPLES = 80;
/** A press of up to two seconds can be looked at as a whole; a longer one proves nothing. */
const HISTORY_MS = 2500;

/**
 * Listens to the caller of one capture: makes keys of events and tones, tells of tones at once, and finds out how the
 * phone sends its digits. All samples and keys are forgotten by `wipe`.
 */
export class CallerEar {
  readonly #clock: Clock;
  readonly #listener: CallerEarListener;
  readonly #detector: ToneDetector;
  readonly #merger: KeyMerger;
  readonly #history = new AudioHistory(HISTORY_MS);
  readonly #meter = new LevelMeter();
  /** Of the event that is being taken in: when its key went down, at the earliest. */
  #eventStartedMs = 0;
  #lastAudioMs: number | undefined;
  #receivedSamples = 0;
  #soundedMs: number | undefined;
  #afterGap = false;
  #sounding = false;

  /** `transport`: what earlier captures of the call have shown. */
  constructor(clock: Clock, transport: Transport, listener: CallerEarListener) {
    this.#clock = clock;
    this.#listener = listener;
    this.#merger = new KeyMerger(transport, (key, startSample) => this.#press(key, startSample));
    this.#detector = new ToneDetector({
      toneEnergy: (sounding, atSample) => {
        this.#sounding = sounding;
        listener.energy(sounding, this.#arrivalOf(atSample));
      },
      keyDown: (key, startSample) => {
        this.#merger.keyDown(key, startSample);
        listener.toneDigit(this.#arrivalOf(startSample));
      },
      keyUp: (key, startSample, endSample) => this.#merger.keyUp(key, startSample, endSample),
    });
  }

  /** Something like a tone is being heard. */
  get sounding(): boolean {
    return this.#sounding;
  }

  /** The newest key was known by its lead, and may still be down: its event is sent when it is up. */
  get awaitsEvent(): boolean {
    return this.#merger.awaitsEvent;
  }

  /** How much audio has been received in all, ms; undefined when none came for the last 100 ms. */
  get receivedMs(): number | undefined {
    const flows = this.#clock.monotonicMs() - (this.#lastAudioMs ?? -Infinity) <= STILL_FLOWS_MS;
    return flows ? this.#receivedSamples / SAMPLES_PER_MS : undefined;
  }

  audio(samples: Int16Array): void {
    const nowMs = this.#clock.monotonicMs();
    this.#receivedSamples += samples.length;
    if (this.#afterGap) this.#skipGap(nowMs, samples.length);
    this.#lastAudioMs = nowMs;
    if (this.#meter.push(samples) >= AUDIBLE_DBFS) this.#soundedMs = nowMs;
    this.#history.push(samples);
    const before = this.#merger.transport;
    this.#detector.push(samples);
    this.#merger.audio(this.#detector.position, nowMs);
    this.#tellChange(before, nowMs);
  }

  /** A digit event arrived after the audio so far. `pressMs` is how long it says that the key was held. */
  keyEvent(key: KeyCode, pressMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#merger.transport;
    const duplicates = this.#merger.counters.duplicatesDropped;
    this.#eventStartedMs = nowMs - EVENT_ARRIVES_WITHIN_MS - pressMs;
    this.#merger.event(key, pressMs * SAMPLES_PER_MS, this.#detector.position, nowMs);
    if (this.#merger.counters.duplicatesDropped > duplicates) return;
    this.#tellChange(before, nowMs);
    this.#look(key, pressMs, nowMs);
  }

  /** Audio is being lost: what comes next does not continue what was heard. */
  gap(): void {
    this.#afterGap = true;
    this.#sounding = false;
    this.#detector.wipe();
    this.#merger.wipe();
    this.#history.wipe();
  }

  /** The caller's loudest frame since the last call, dBFS; undefined when nothing was heard. */
  loudest(): number | undefined {
    return this.#meter.take();
  }

  /** When the caller was last heard to make a sound; undefined: never. */
  get soundedMs(): number | undefined {
    return this.#soundedMs;
  }

  counts(): KeyCounts {
    const { eventsSeen, tonesSeen, duplicatesDropped } = this.#merger.counters;
    return { keyEventsSeen: eventsSeen, keyTonesSeen: tonesSeen, duplicatesDropped };
  }

  wipe(): void {
    this.gap();
  }

  /** A tone that waited for its event is delivered when another key's event comes, and still began at its own time. */
  #press(key: KeyCode, toneStart: number | undefined): void {
    const startedMs = toneStart === undefined ? this.#eventStartedMs : this.#arrivalOf(toneStart);
    this.#listener.key(key, startedMs);
  }

  /**
   * The matched look: a tone lead of 20 ms is enough for the agent's end to decode, and too short for a detector. It
   * is looked for at the two frequencies of the key alone, from 300 ms before the event to its end.
   */
  #look(key: KeyCode, pressMs: number, nowMs: number): void {
    const end = this.#history.position;
    const lookedMs = pressMs + EVENT_BEGINS_BEFORE_PRESS_MS + LEAD_LOOK_MS;
    const start = end - Math.round(lookedMs * SAMPLES_PER_MS);
    if (end - this.#history.oldest < LEAST_LOOK_SAMPLES) return; // no audio at all shows nothing, not even a tone
    const samples = this.#history.slice(start, end);
    const { found } = findToneLead(samples, key);
    const heard = start >= this.#history.oldest && wasHeardBeforeEvent(samples, pressMs);
    samples.fill(0);
    if (found) this.#listener.showed('bleed', nowMs - lookedMs);
    else if (heard && this.#merger.transport === 'events') {
      this.#listener.showed('events', nowMs);
    }
  }

  /** `events` is told by the look alone. */
  #tellChange(before: Transport, nowMs: number): void {
    const { transport } = this.#merger;
    if (transport === before || transport === 'unknown' || transport === 'events') return;
    this.#listener.showed(transport, nowMs);
  }

  /** Positions keep step with time, so that what was lost is not mistaken for lateness. */
  #skipGap(nowMs: number, arrived: number): void {
    this.#afterGap = false;
    if (this.#lastAudioMs === undefined) return;
    const lost = Math.round((nowMs - this.#lastAudioMs) * SAMPLES_PER_MS) - arrived;
    if (lost <= 0) return;
    this.#detector.skip(lost);
    this.#history.skip(lost);
    this.#history.wipe(); // the silence in between was not heard: nothing is proven by it
  }

  #arrivalOf(position: number): number {
    return this.#clock.monotonicMs() - (this.#detector.position - position) / SAMPLES_PER_MS;
  }
}
