import { describe, expect, it } from 'vitest';
import { TelephoneEventDetector } from '../../../../simulators/jambonz/media/freeswitch/telephone-event-detector.ts';
import type { EventUnit } from '../../../../simulators/jambonz/media/media-unit.ts';

function packet(timestamp: number, end: boolean, duration = 800): EventUnit {
  return { kind: 'event', ssrc: 1, timestamp, marker: false, event: 5, end, duration, payloadType: 101 };
}

/** `e`: an event packet, `E`: one with the end bit, `a`: audio. Returns the repeat number of each key. */
function detect(sequence: string, random: () => number = () => 0.9, timestamp = 8_000): number[] {
  const detector = new TelephoneEventDetector(random);
  return Array.from(sequence).flatMap((kind) => {
    if (kind === 'a') {
      detector.audio();
      return [];
    }
    return detector.event(packet(timestamp, kind === 'E'))?.repeat ?? [];
  });
}

describe('the detector of telephone-events', () => {
  it('counts a key at its first end packet, once', () => {
    expect(detect('eeee')).toEqual([]);
    expect(detect('eeeEEE')).toEqual([0]);
    expect(detect('E')).toEqual([0]);
    expect(detect('aeaeaE')).toEqual([0]);
  });

  it('counts an end packet after audio again, at most twice', () => {
    expect(detect('eEaEaE')).toEqual([0, 1, 2]);
    expect(detect('eEaEEaE')).toEqual([0, 1, 2]);
    expect(detect('eEaEEE')).toEqual([0, 1]);
    expect(detect('eEaEaEaEaE')).toEqual([0, 1, 2]);
    expect(detect('eEaEaE', () => 0.1)).toEqual([0, 1]);
  });

  it('tells events apart by their timestamp', () => {
    const detector = new TelephoneEventDetector(() => 0);
    const keys = [packet(0, true), packet(0, true), packet(960, true, 320)].map((unit) =>
      detector.event(unit),
    );
    expect(keys).toEqual([
      { event: 5, timestamp: 0, duration: 800, repeat: 0 },
      undefined,
      { event: 5, timestamp: 960, duration: 320, repeat: 0 },
    ]);
  });
});
