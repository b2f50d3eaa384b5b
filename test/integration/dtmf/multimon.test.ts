import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { decodeMuLaw, encodeMuLaw } from '../../../simulators/audio/g711.ts';
import {
  concatenate,
  keyCodes,
  keying,
  mix,
  silence,
  whiteNoise,
  type KeyingToneOptions,
} from '../../../simulators/audio/tones.ts';
import { readWav, writeWav } from '../../../simulators/audio/wav.ts';
import { ToneDetector } from '../../../src/dtmf/tone-detector.ts';

const NAMES = '0123456789*#ABCD';
const folder = mkdtempSync(join(tmpdir(), 'multimon-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An independent decoder's reading of a recording. */
function multimon(wav: string): string {
  const raw = join(folder, 'multimon.raw');
  execFileSync('sox', [wav, '-t', 'raw', '-r', '22050', '-c', '1', '-b', '16', '-e', 'signed', raw], {
    stdio: 'ignore',
  });
  const output = execFileSync('multimon-ng', ['-q', '-a', 'DTMF', '-t', 'raw', '-'], {
    input: readFileSync(raw),
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString('latin1');
  return Array.from(output.matchAll(/DTMF: (.)/g), (match) => match[1] ?? '').join('');
}

function detector(wav: string): string {
  let heard = '';
  const tones = new ToneDetector({
    toneEnergy: () => undefined,
    keyDown: (key) => {
      heard += NAMES.charAt(key);
    },
    keyUp: () => undefined,
  });
  tones.push(readWav(wav));
  return heard;
}

const KEYED = '*4012001037141112#5500000000000004A9876543210BCD';

/** Inside multimon-ng's own limits: it takes no twist of −6 dB and repeats A to D at 1 % off frequency. */
const RECORDINGS: Record<string, KeyingToneOptions & { readonly noiseDbfs?: number }> = {
  plain: {},
  'short keys': { durationMs: 60, pauseMs: 60 },
  'long keys': { durationMs: 300, pauseMs: 120 },
  loud: { levelDbm0: -1 },
  quiet: { levelDbm0: -28 },
  'high tones stronger': { lowDbm0: -14, highDbm0: -10 },
  'high tones weaker': { lowDbm0: -8, highDbm0: -11 },
  'off frequency': { lowErrorPercent: 0.5, highErrorPercent: -0.5 },
  noisy: { noiseDbfs: -32 },
};

it.each(Object.entries(RECORDINGS))('multimon-ng and the detector read the same: %s', (name, options) => {
  const keyed = concatenate([silence(200), keying(keyCodes(KEYED), options), silence(200)]);
  const noise = whiteNoise(keyed.length, options.noiseDbfs ?? -65, 5);
  const wav = join(folder, `${name}.wav`);
  writeWav(wav, decodeMuLaw(encodeMuLaw(mix(keyed, noise))));
  const read = detector(wav);
  expect(read).toBe(KEYED);
  expect(multimon(wav)).toBe(read);
});
