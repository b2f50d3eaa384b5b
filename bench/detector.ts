import { ToneDetector } from '../src/dtmf/tone-detector.ts';
import { callerSpeech } from '../simulators/audio/speech.ts';

const FRAME_SAMPLES = 160;

/** Seconds that `work` takes for `minutes` of speech in frames of 20 ms. */
function timed(minutes: number, work: (frame: Int16Array) => void): number {
  const speech = callerSpeech();
  const frames = (minutes * 60 * 8000) / FRAME_SAMPLES;
  const startedAt = performance.now();
  for (let index = 0, at = 0; index < frames; index += 1, at += FRAME_SAMPLES) {
    if (at + FRAME_SAMPLES > speech.length) at = 0;
    work(speech.subarray(at, at + FRAME_SAMPLES));
  }
  return (performance.now() - startedAt) / 1000;
}

/** How many times faster than real time the detector is, beside a loop that only sums the same samples' energy. */
export function measureDetector(minutes: number): { detector: number; bareLoop: number } {
  const detector = new ToneDetector({ toneEnergy: () => {}, keyDown: () => {}, keyUp: () => {} });
  let energy = 0;
  const detectorSeconds = timed(minutes, (frame) => detector.push(frame));
  const bareSeconds = timed(minutes, (frame) => {
    for (const sample of frame) energy += sample * sample;
  });
  if (energy === 0) throw new Error('the speech is silent');
  const seconds = minutes * 60;
  return { detector: seconds / detectorSeconds, bareLoop: seconds / bareSeconds };
}
