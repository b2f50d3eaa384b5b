import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyCodes, seededRandom } from '../../../simulators/audio/tones.ts';
import { KeyMerger, type KeyTransport } from '../../../src/dtmf/key-merger.ts';
import { play, type HeardTone, type Line, type SentEvent } from './listen-stream.ts';

interface Outcome {
  readonly keys: number[];
  readonly merger: KeyMerger;
}

function merged(
  events: readonly SentEvent[],
  tones: readonly HeardTone[] = [],
  line: Line = {},
  transport: KeyTransport = 'unknown',
): Outcome {
  const keys: number[] = [];
  const merger = new KeyMerger(transport, (key) => keys.push(key));
  play(merger, events, tones, line);
  return { keys, merger };
}

/** When the JSON frame of a key that ended at `endMs` is sent: 63 to 84 ms later. */
const EVENT_AFTER_MS = 70;

interface Keyed {
  readonly key: number;
  readonly startMs: number;
  readonly endMs: number;
}

function keyed(keys: readonly number[], onMs: number, offMs: number, fromMs = 0): Keyed[] {
  return keys.map((key, index) => {
    const startMs = fromMs + index * (onMs + offMs);
    return { key, startMs, endMs: startMs + onMs };
  });
}

function asEvents(presses: readonly Keyed[], copies = 1, stepMs = 46): SentEvent[] {
  return presses.flatMap(({ key, startMs, endMs }) =>
    Array.from({ length: copies }, (_, copy) => ({
      key,
      sentMs: endMs + EVENT_AFTER_MS + copy * stepMs,
      durationMs: endMs - startMs,
    })),
  );
}

/** The tone that leads an event: it stands before the key's own time. */
function asLeads(presses: readonly Keyed[], leadMs: number): HeardTone[] {
  return presses.map(({ key, startMs }) => ({ key, startMs: startMs - leadMs, endMs: startMs }));
}

const CARD = keyCodes('*4012001037141112#');

describe('a phone that sends events', () => {
  it('has each delivered once, in order', () => {
    const { keys, merger } = merged(asEvents(keyed(CARD, 100, 100)));
    expect(keys).toEqual(CARD);
    expect(merger.counters).toEqual({ eventsSeen: 18, tonesSeen: 0, duplicatesDropped: 0 });
    expect(merger.transport).toBe('events');
  });

  it.each([43, 46, 49])('and repeats them %i ms apart: one key each', (stepMs) => {
    for (const copies of [2, 3]) {
      for (const onMs of [40, 60, 80, 100, 250]) {
        for (let framePhaseMs = 0; framePhaseMs < 20; framePhaseMs += 1) {
          const events = asEvents(keyed(CARD, onMs, 200), copies, stepMs);
          const { keys, merger } = merged(events, [], { framePhaseMs });
          expect(keys, `${copies} copies of ${onMs} ms, phase ${framePhaseMs}`).toEqual(CARD);
          expect(merger.counters.duplicatesDropped).toBe(18 * (copies - 1));
        }
      }
    }
  });

  it('as fast as 40 ms on and 20 ms off: the same key again is another press', () => {
    const same = keyCodes('1111100000');
    for (let framePhaseMs = 0; framePhaseMs < 20; framePhaseMs += 0.5) {
      expect(merged(asEvents(keyed(same, 40, 20)), [], { framePhaseMs }).keys).toEqual(same);
    }
  });

  it('keeps presses apart whose duplicates run into the next press', () => {
    for (const keys of [keyCodes('1111'), keyCodes('1212'), CARD]) {
      const events = asEvents(keyed(keys, 40, 20), 3, 46);
      expect(merged(events).keys).toEqual(keys);
    }
  });

  it('takes a fourth frame for another press', () => {
    const events = [0, 46, 92, 138].map((sentMs) => ({ key: 5, sentMs, durationMs: 40 }));
    expect(merged(events).keys).toEqual([5, 5]);
  });

  it('may declare no duration that can be read', () => {
    const keys: number[] = [];
    const merger = new KeyMerger('unknown', (key) => keys.push(key));
    merger.event(3, NaN, 1600, 200);
    merger.event(3, -1, 2400, 300);
    expect(keys).toEqual([3, 3]);
  });

  it('must send keys of a telephone', () => {
    const merger = new KeyMerger('unknown', () => undefined);
    for (const key of [16, -1, 1.5, NaN]) {
      expect(() => merger.event(key, 800, 0, 0)).toThrow(expect.objectContaining({ code: 'dtmf_key' }));
    }
    expect(merger.counters.eventsSeen).toBe(0);
  });
});

describe('no genuine key is lost', () => {
  const anyKeys = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 });

  it('while frames arrive with up to 4 ms of jitter', () => {
    fc.assert(
      fc.property(
        anyKeys,
        fc.integer({ min: 40, max: 300 }),
        fc.integer({ min: 20, max: 200 }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.integer(),
        (keys, onMs, offMs, framePhaseMs, seed) => {
          const line = { framePhaseMs, jitterMs: 4, random: seededRandom(seed) };
          expect(merged(asEvents(keyed(keys, onMs, offMs)), [], line).keys).toEqual(keys);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('when stalls of 30 ms and more deliver them in bunches', () => {
    const stall = fc
      .tuple(fc.integer({ min: -500, max: 2000 }), fc.integer({ min: 30, max: 1500 }))
      .map(([fromMs, lengthMs]) => ({ fromMs, toMs: fromMs + lengthMs }));
    fc.assert(
      fc.property(
        anyKeys,
        fc.integer({ min: 40, max: 150 }),
        fc.integer({ min: 20, max: 100 }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.array(stall, { maxLength: 3 }),
        (keys, onMs, offMs, framePhaseMs, stalls) => {
          const events = asEvents(keyed(keys, onMs, offMs));
          expect(merged(events, [], { framePhaseMs, stalls }).keys).toEqual(keys);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('and its duplicates stay one key in a bunch, when it was held 80 ms or more', () => {
    fc.assert(
      fc.property(
        anyKeys,
        fc.integer({ min: 80, max: 200 }),
        fc.constantFrom(43, 46, 49),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.integer({ min: 300, max: 3000 }),
        (keys, onMs, stepMs, framePhaseMs, lengthMs) => {
          const events = asEvents(keyed(keys, onMs, 150), 2, stepMs);
          const stalls = [{ fromMs: -20, toMs: lengthMs }];
          // The one pair that the end of the stall parts may count twice: it cannot be told from a press.
          const parted = events.some(
            ({ sentMs }, index) =>
              sentMs < lengthMs && (events[index + 1]?.sentMs ?? 0) >= lengthMs - 30 && index % 2 === 0,
          );
          fc.pre(!parted);
          expect(merged(events, [], { framePhaseMs, stalls }).keys).toEqual(keys);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('nor doubled by three copies of a 100 ms key in a bunch', () => {
    for (let framePhaseMs = 0; framePhaseMs < 20; framePhaseMs += 1) {
      const events = asEvents(keyed(CARD, 100, 200), 3, 46);
      const line = { framePhaseMs, stalls: [{ fromMs: -100, toMs: 10_000 }] };
      expect(merged(events, [], line).keys).toEqual(CARD);
    }
  });
});

describe('a phone that sends tones', () => {
  const presses = keyed(CARD, 80, 80);

  it('has each delivered once; the first waits for an event, the rest do not', () => {
    const keys: number[] = [];
    const merger = new KeyMerger('unknown', (key) => keys.push(key));
    merger.keyDown(4, 800);
    merger.keyUp(4, 800, 1600);
    merger.audio(1600 + 249 * 8, 0);
    expect(keys).toEqual([]);
    merger.audio(1600 + 250 * 8, 0);
    expect(keys).toEqual([4]);
    merger.keyDown(0, 4000);
    merger.keyUp(0, 4000, 4800);
    expect(keys).toEqual([4, 0]);
    expect(merger.transport).toBe('tones');
    expect(merger.counters).toEqual({ eventsSeen: 0, tonesSeen: 2, duplicatesDropped: 0 });
  });

  it.each(['unknown', 'tones', 'events', 'bleed'] as const)(
    'is served when it is known as %s',
    (transport) => {
      expect(merged([], presses, {}, transport).keys).toEqual(CARD);
    },
  );

  it('gets what still waits when nothing more is to come', () => {
    const keys: number[] = [];
    const merger = new KeyMerger('unknown', (key) => keys.push(key));
    merger.keyDown(4, 800);
    merger.keyUp(4, 800, 1600);
    merger.keyDown(9, 2400);
    merger.flush();
    merger.keyUp(9, 2400, 3200);
    merger.flush();
    expect(keys).toEqual([4, 9]);
  });
});

describe('a phone that sends both', () => {
  it.each([40, 50, 60])('has one key for an event and its lead of %i ms', (leadMs) => {
    for (const [onMs, offMs] of [
      [40, 60],
      [100, 100],
      [240, 110],
      [1000, 300],
    ] as const) {
      for (const transport of ['unknown', 'events', 'tones', 'bleed'] as const) {
        for (const framePhaseMs of [0, 5, 10, 15]) {
          const presses = keyed(CARD, onMs, offMs);
          const { keys, merger } = merged(
            asEvents(presses),
            asLeads(presses, leadMs),
            { framePhaseMs },
            transport,
          );
          expect(keys, `${onMs}/${offMs} as ${transport}`).toEqual(CARD);
          expect(merger.transport).toBe('bleed');
          expect(merger.counters.tonesSeen).toBe(18);
        }
      }
    }
  });

  it('has one key for an event and the tone that runs along with it', () => {
    for (const [onMs, offMs] of [
      [40, 40],
      [100, 100],
      [600, 200],
    ] as const) {
      for (const copies of [1, 3]) {
        const presses = keyed(CARD, onMs, offMs + (copies - 1) * 60);
        const { keys, merger } = merged(asEvents(presses, copies), presses);
        expect(keys).toEqual(CARD);
        expect(merger.transport).toBe('bleed');
      }
    }
  });

  it('has one key for an event whose long tone broke in two', () => {
    const tones = [
      { key: 5, startMs: 0, endMs: 150 },
      { key: 5, startMs: 200, endMs: 300 },
    ];
    expect(merged([{ key: 5, sentMs: 370, durationMs: 300 }], tones).keys).toEqual([5]);
  });

  it('keeps a key whose event was lost, in its place', () => {
    const presses = keyed(CARD, 100, 100);
    const events = asEvents(presses).filter((_, index) => index !== 4 && index !== 17);
    expect(merged(events, asLeads(presses, 50)).keys).toEqual(CARD);
  });

  it('keeps a press of the same key right after one that was seen as an event', () => {
    for (const eventAfterMs of [63, 84]) {
      for (const onMs of [40, 100, 400]) {
        for (let framePhaseMs = 0; framePhaseMs < 20; framePhaseMs += 1) {
          const events = [{ key: 7, sentMs: onMs + eventAfterMs, durationMs: onMs }];
          const own = { key: 7, startMs: 0, endMs: onMs };
          const next = { key: 7, startMs: onMs + 20, endMs: onMs + 70 };
          expect(merged(events, [next], { framePhaseMs }).keys).toEqual([7, 7]);
          expect(merged(events, [own, next], { framePhaseMs }).keys).toEqual([7, 7]);
          expect(merged(events, [own], { framePhaseMs }).keys).toEqual([7]);
        }
      }
    }
  });

  it('a tone that was over before the key went down is a press of its own', () => {
    for (let framePhaseMs = 0; framePhaseMs < 20; framePhaseMs += 1) {
      const tone = { key: 5, startMs: 0, endMs: 60 };
      for (const onMs of [60, 100, 400]) {
        const events = asEvents([{ key: 5, startMs: 190, endMs: 190 + onMs }]);
        expect(merged(events, [tone], { framePhaseMs }).keys).toEqual([5, 5]);
      }
    }
  });

  it('whatever mixture: as many keys as presses, in order', () => {
    const press = fc.record({
      key: fc.integer({ min: 0, max: 15 }),
      onMs: fc.integer({ min: 60, max: 400 }),
      offMs: fc.integer({ min: 130, max: 300 }),
      as: fc.constantFrom('event', 'doubled event', 'lead', 'parallel', 'tone'),
    });
    fc.assert(
      fc.property(
        fc.array(press, { minLength: 1, maxLength: 10 }),
        fc.constantFrom<KeyTransport>('unknown', 'events', 'tones', 'bleed'),
        fc.double({ min: 0, max: 20, noNaN: true }),
        (sequence, transport, framePhaseMs) => {
          const events: SentEvent[] = [];
          const tones: HeardTone[] = [];
          let startMs = 0;
          for (const { key, onMs, offMs, as } of sequence) {
            const keyPress = { key, startMs, endMs: startMs + onMs };
            if (as !== 'tone') events.push(...asEvents([keyPress], as === 'doubled event' ? 2 : 1));
            if (as === 'tone' || as === 'parallel') tones.push(keyPress);
            if (as === 'lead') tones.push(...asLeads([keyPress], 45));
            startMs += onMs + offMs;
          }
          const { keys, merger } = merged(events, tones, { framePhaseMs }, transport);
          expect(keys).toEqual(sequence.map(({ key }) => key));
          const kinds = new Set(sequence.map(({ as }) => as));
          const bled = kinds.has('lead') || kinds.has('parallel');
          expect(!bled || merger.transport === 'bleed').toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a key that is held down', () => {
  it('is delivered by its lead, and its event is awaited until it comes', () => {
    const presses = keyed([5], 1200, 100);
    const [event] = asEvents(presses);
    const { keys, merger } = merged([], asLeads(presses, 60), {}, 'bleed');
    expect(keys).toEqual([5]);
    expect(merger.awaitsEvent).toBe(true);
    const both = merged(event === undefined ? [] : [event], asLeads(presses, 60), {}, 'bleed');
    expect(both.keys).toEqual([5]);
    expect(both.merger.awaitsEvent).toBe(false);
  });

  it('is not awaited on a phone that sends tones alone', () => {
    const { merger } = merged([], keyed([5], 100, 100), {}, 'tones');
    expect(merger.awaitsEvent).toBe(false);
  });
});

describe('the transport', () => {
  it.each([
    ['tones', 'events'],
    ['events', 'tones'],
  ] as const)('known as %s becomes bleed when %s are seen', (known, seen) => {
    const presses = keyed([3], 100, 100);
    const { merger } = merged(
      seen === 'events' ? asEvents(presses) : [],
      seen === 'tones' ? presses : [],
      {},
      known,
    );
    expect(merger.transport).toBe('bleed');
  });
});

describe('wiping', () => {
  it('forgets what waits and keeps the counters', () => {
    const keys: number[] = [];
    const merger = new KeyMerger('unknown', (key) => keys.push(key));
    merger.keyDown(4, 800);
    merger.keyUp(4, 800, 1600);
    merger.wipe();
    merger.flush();
    expect(keys).toEqual([]);
    expect(merger.counters.tonesSeen).toBe(1);
  });
});
