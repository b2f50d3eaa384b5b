import { describe, expect, it } from 'vitest';
import { periodsOf } from '../../../../simulators/demo/hearing.ts';

const SAMPLES_PER_MS = 8;
const STARTED_AT_MS = 5000;

/** A square wave of this amplitude has this level: amplitude / 32768. */
function sound(ms: number, amplitude: number): Int16Array {
  return Int16Array.from({ length: ms * SAMPLES_PER_MS }, (_, index) =>
    index % 8 < 4 ? amplitude : -amplitude,
  );
}

const SPEECH = 3000;
const NOISE = 15;

function recording(...parts: Int16Array[]): { samples: Int16Array; startedAtMs: number } {
  return { samples: Int16Array.from(parts.flatMap((part) => [...part])), startedAtMs: STARTED_AT_MS };
}

describe('periodsOf', () => {
  it('tells speech, an open line and silence apart, each with its times', () => {
    const heard = recording(sound(1000, SPEECH), sound(500, 0), sound(400, NOISE), sound(600, 0));
    expect(periodsOf(heard, STARTED_AT_MS)).toEqual([
      { heard: 'speech', fromMs: 5000, toMs: 6000 },
      { heard: 'nothing', fromMs: 6000, toMs: 6500 },
      { heard: 'line', fromMs: 6500, toMs: 6900 },
      { heard: 'nothing', fromMs: 6900, toMs: 7500 },
    ]);
  });

  it('takes the silence of a key that is sent as an event for no silence', () => {
    const heard = recording(
      sound(400, SPEECH),
      sound(140, 0),
      sound(60, NOISE),
      sound(140, 0),
      sound(400, SPEECH),
    );
    expect(periodsOf(heard, STARTED_AT_MS)).toEqual([{ heard: 'speech', fromMs: 5000, toMs: 6140 }]);
  });

  it('begins where it is told to, and is empty for an empty recording', () => {
    const heard = recording(sound(1000, 0), sound(1000, SPEECH));
    expect(periodsOf(heard, STARTED_AT_MS + 1000)).toEqual([{ heard: 'speech', fromMs: 6000, toMs: 7000 }]);
    expect(periodsOf(recording(), STARTED_AT_MS)).toEqual([]);
  });
});
