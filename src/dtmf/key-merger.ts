import { HushtoneError } from '../kernel/errors.ts';
import { DuplicateEvents } from './duplicate-events.ts';
import { KEY_COUNT, type KeyCode } from './keypad.ts';
import { SAMPLE_RATE_HZ } from './level.ts';

/** How this caller's phone sends keys, as far as it has shown. `bleed`: events, and audible tones as well. */
export type KeyTransport = 'unknown' | 'events' | 'tones' | 'bleed';

/** One press. `startSample`: where its tone began; undefined for a press that is known by its event. */
export type DeliverKey = (key: KeyCode, startSample?: number) => void;

export interface KeyMergerCounters {
  /** Event frames, duplicates included. */
  readonly eventsSeen: number;
  /** Tones that the detector confirmed, those of events included. */
  readonly tonesSeen: number;
  readonly duplicatesDropped: number;
}

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;

/** How long a tone waits for its event, from its own end, before it counts as a key of its own. */
const WAIT_FOR_EVENT = 250 * SAMPLES_PER_MS;

/**
 * An event frame comes 63 to 84 ms after the key's end; media time counts in frames of 20 ms, and on a busy way a frame
 * came up to 60 ms later still. So the key went down this long before its declared duration at the earliest.
 */
const KEY_BEFORE_DURATION = (84 + 5 * 20) * SAMPLES_PER_MS;
/** A lead ends 23 ms and more after the key went down (measured): a tone that had ended by then is another press. */
const LEAD_REACHES_IN = 20 * SAMPLES_PER_MS;
/**
 * A lead begins up to 60 ms before the key. So a key's tone began between this long before its declared duration and
 * `LATEST` before the frame: later is the next press, whose tone begins 20 ms after this one's end at the soonest. A
 * tone that an event has found is no other event's.
 */
const EARLIEST_BEFORE_KEY = KEY_BEFORE_DURATION + 60 * SAMPLES_PER_MS;
const LATEST = 75 * SAMPLES_PER_MS;
const FROM_KEY_END_TO_EVENT = 74 * SAMPLES_PER_MS;

/** Gateways let 60 ms through at most; a tone that lasted longer was the key itself, and is over. */
const LONGEST_LEAD = 100 * SAMPLES_PER_MS;

/** Events that declare less (or nothing that can be read) are looked for as if they had lasted this long. */
const SHORTEST_LOOK_BACK = 100 * SAMPLES_PER_MS;

/** More than a second of the fastest keying: none older has an event or a tone still to come. */
const REMEMBERED = 16;

/** Written over the keys that are no longer needed. */
const FORGOTTEN: KeyCode = -1;

interface Tone {
  key: KeyCode;
  readonly start: number;
  end: number | undefined;
  /** Delivered as a key, or part of a key that was. */
  settled: boolean;
  /** Belongs to an event. */
  matched: boolean;
}

interface Event {
  key: KeyCode;
  readonly earliestStart: number;
  readonly latestStart: number;
  readonly earliestEnd: number;
}

/**
 * Makes one key press of everything that a press was seen as: event frames with their duplicates
 * (`DuplicateEvents` has the rule) and tones in the audio.
 *
 * An event is delivered at once. A tone belongs to an event of its key when it began inside the time that the key was
 * down or led: one press then, whichever was seen first. A tone without one is a key of its own; it waits 250 ms of
 * media time for its event, except on a phone that is known to send tones only. A key that was held down longer than
 * that and led by a tone is delivered by its tone, and its event, when it comes, still finds it. Presses are delivered
 * in the order in which they began.
 *
 * All positions are samples of the caller's audio received so far; feed a tone detector and this merger the same
 * frames, the detector first.
 */
export class KeyMerger {
  readonly #deliver: DeliverKey;
  readonly #duplicates = new DuplicateEvents();
  #transport: KeyTransport;
  #tones: Tone[] = [];
  #events: Event[] = [];
  #eventsSeen = 0;
  #tonesSeen = 0;
  #duplicatesDropped = 0;

  /** `transport` is what earlier captures of the call have shown; `deliver` must not throw. */
  constructor(transport: KeyTransport, deliver: DeliverKey) {
    this.#transport = transport;
    this.#deliver = deliver;
  }

  get transport(): KeyTransport {
    return this.#transport;
  }

  get counters(): KeyMergerCounters {
    return {
      eventsSeen: this.#eventsSeen,
      tonesSeen: this.#tonesSeen,
      duplicatesDropped: this.#duplicatesDropped,
    };
  }

  /**
   * The newest tone was short, was delivered as a key on a phone that sends events too, and its event has not come: the
   * key may still be down, and its event is only sent when it is up.
   */
  get awaitsEvent(): boolean {
    const newest = this.#tones.at(-1);
    if (this.#transport !== 'bleed' || newest?.end === undefined) return false;
    return newest.settled && !newest.matched && newest.end - newest.start <= LONGEST_LEAD;
  }

  /** An audio frame arrived (and the detector has had it). `wallMs` is any clock that never runs backwards. */
  audio(position: number, wallMs: number): void {
    this.#duplicates.audio(position, wallMs);
    this.#settleTones((tone) => tone.end !== undefined && position - tone.end >= WAIT_FOR_EVENT);
  }

  /**
   * An event frame arrived after the audio up to `position`. `durationSamples` is as declared, in 8 kHz units; what is
   * no number counts as 0. Throws `dtmf_key` when the key is not 0 to 15.
   */
  event(key: KeyCode, durationSamples: number, position: number, wallMs: number): void {
    if (!Number.isInteger(key) || key < 0 || key >= KEY_COUNT) {
      throw new HushtoneError('dtmf_key', 'invalid', 'a key code is 0 to 15');
    }
    this.#eventsSeen += 1;
    const duration = durationSamples > 0 ? durationSamples : 0;
    if (this.#duplicates.isDuplicate(key, duration / SAMPLES_PER_MS, position, wallMs)) {
      this.#duplicatesDropped += 1;
      return;
    }
    const event: Event = {
      key,
      earliestStart: position - Math.max(duration, SHORTEST_LOOK_BACK) - EARLIEST_BEFORE_KEY,
      latestStart: position - LATEST,
      earliestEnd: position - (duration || SHORTEST_LOOK_BACK) - KEY_BEFORE_DURATION + LEAD_REACHES_IN,
    };
    remember(this.#events, event);
    const own = this.#tones.filter((tone) => belongs(tone, event));
    for (const tone of own) tone.matched = true;
    // Events come in order: a tone that began before this key and has no event by now will have none.
    const start = position - duration - FROM_KEY_END_TO_EVENT;
    this.#settleTones((tone) => tone.end !== undefined && tone.start < start);
    const alreadyDelivered = own.some((tone) => tone.settled);
    for (const tone of own) tone.settled = true;
    this.#learn(own.length > 0 ? 'bleed' : 'events');
    if (!alreadyDelivered) this.#deliver(key);
  }

  /** From the tone detector: a tone is certain. */
  keyDown(key: KeyCode, startSample: number): void {
    this.#tonesSeen += 1;
    const tone: Tone = { key, start: startSample, end: undefined, settled: false, matched: false };
    if (this.#events.some((event) => belongs(tone, event))) {
      tone.matched = tone.settled = true;
      this.#learn('bleed');
    }
    remember(this.#tones, tone);
  }

  /** From the tone detector: that tone has ended. */
  keyUp(key: KeyCode, startSample: number, endSample: number): void {
    const tone = this.#tones.findLast(
      (candidate) => candidate.key === key && candidate.start === startSample,
    );
    if (tone === undefined) return;
    tone.end = endSample;
    if (this.#transport === 'tones') this.#settleTones((waiting) => waiting.end !== undefined);
  }

  /** Nothing more is to come: tones that still wait for an event are keys. */
  flush(): void {
    this.#settleTones(() => true);
  }

  /** Forgets the keys; nothing that waits is delivered. The counters and the transport stay. */
  wipe(): void {
    for (const seen of [...this.#tones, ...this.#events]) seen.key = FORGOTTEN;
    this.#tones = [];
    this.#events = [];
    this.#duplicates.forget();
  }

  #settleTones(isOver: (tone: Tone) => boolean): void {
    for (const tone of this.#tones) {
      if (tone.settled || tone.matched || !isOver(tone)) continue;
      tone.settled = true;
      this.#learn('tones');
      this.#deliver(tone.key, tone.start);
    }
  }

  #learn(seen: 'events' | 'tones' | 'bleed'): void {
    this.#transport = this.#transport === 'unknown' || this.#transport === seen ? seen : 'bleed';
  }
}

function belongs(tone: Tone, event: Event): boolean {
  return (
    !tone.matched &&
    tone.key === event.key &&
    tone.start >= event.earliestStart &&
    tone.start <= event.latestStart &&
    (tone.end ?? Infinity) >= event.earliestEnd
  );
}

function remember<T extends { key: KeyCode }>(list: T[], item: T): void {
  list.push(item);
  const oldest = list.length > REMEMBERED ? list.shift() : undefined;
  if (oldest !== undefined) oldest.key = FORGOTTEN;
}
