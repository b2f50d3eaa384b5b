import { expect, it } from 'vitest';
import { decodeMuLaw, encodeMuLaw } from '../../../simulators/audio/g711.ts';
import { seededRandom } from '../../../simulators/audio/tones.ts';
import { ToneDetector } from '../../../src/dtmf/tone-detector.ts';
import { findToneLead } from '../../../src/dtmf/tone-lead.ts';
import { speech } from './speech.ts';

const MINUTES = 45;

/** What a telephony application looks at when an event arrives: 300 ms. */
const LEAD_LOOK_SAMPLES = 2400;

/** A caller says nothing that is taken for a key, and little that is taken for the beginning of one. */
it(`speech is not taken for keys: ${MINUTES} minutes, twelve languages, six voices, µ-law`, () => {
  let falseKeys = 0;
  let suspicions = 0;
  let suspectedSamples = 0;
  let suspectedFrom = 0;
  let looks = 0;
  let falseLeads = 0;
  let samples = 0;
  let detectorMs = 0;
  const random = seededRandom(11);
  const detector = new ToneDetector({
    toneEnergy(sounding, at) {
      if (sounding) {
        suspicions += 1;
        suspectedFrom = at;
      } else {
        suspectedSamples += at - suspectedFrom;
      }
    },
    keyDown() {
      falseKeys += 1;
    },
    keyUp: () => undefined,
  });
  for (const spoken of speech(MINUTES * 60)) {
    const heard = decodeMuLaw(encodeMuLaw(spoken));
    const before = performance.now();
    for (let at = 0; at < heard.length; at += 160) detector.push(heard.subarray(at, at + 160));
    detectorMs += performance.now() - before;
    for (let at = 0; at + LEAD_LOOK_SAMPLES <= heard.length; at += 8000) {
      looks += 1;
      const key = Math.floor(random() * 16);
      if (findToneLead(heard.subarray(at, at + LEAD_LOOK_SAMPLES), key).found) falseLeads += 1;
    }
    samples += heard.length;
  }
  const seconds = samples / 8000;
  process.stdout.write(
    `talk-off: ${(seconds / 60).toFixed(1)} min of speech, ${falseKeys} false keys, ` +
      `${suspicions} suspicions of a tone (${((suspectedSamples / samples) * 100).toFixed(2)} % of the time), ` +
      `${falseLeads} of ${looks} lead looks (${((falseLeads / looks) * 100).toFixed(1)} %); ` +
      `${Math.round((seconds * 1000) / detectorMs)} times real time\n`,
  );
  expect(seconds).toBeGreaterThanOrEqual(MINUTES * 60);
  expect(falseKeys).toBeLessThanOrEqual(3);
  expect(suspicions / seconds).toBeLessThan(5 / 60);
  expect(falseLeads / looks).toBeLessThan(0.04);
});
