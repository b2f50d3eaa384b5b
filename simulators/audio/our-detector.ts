import { ToneDetector } from '../../src/dtmf/tone-detector.ts';

/** The keys that the gateway's own detector finds in a recording, as RFC 4733 event codes in order. */
export function decodeWithOurDetector(samples: Int16Array): number[] {
  const keys: number[] = [];
  const detector = new ToneDetector({
    toneEnergy: () => undefined,
    keyDown: (key) => keys.push(key),
    keyUp: () => undefined,
  });
  detector.push(samples);
  detector.end();
  return keys;
}
