import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SAMPLES_PER_MS, samplesOf } from './samples.ts';

/** A tone that no DTMF detector takes for a digit (ITU-T Q.24 frequencies start at 697 Hz). */
const BEEP_HZ = 425;
const BEEP_MS = 200;
const BEEP_LEVEL = 3000;
const SPEECH_MS_PER_CHARACTER = 60;
const MAX_PROMPT_MS = 60_000;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

function beepAndSilence(durationMs: number): Int16Array {
  const samples = new Int16Array(Math.min(durationMs, MAX_PROMPT_MS) * SAMPLES_PER_MS);
  const beep = Math.min(samples.length, BEEP_MS * SAMPLES_PER_MS);
  for (let index = 0; index < beep; index += 1) {
    samples[index] = Math.round(BEEP_LEVEL * Math.sin((2 * Math.PI * BEEP_HZ * index) / 8000));
  }
  return samples;
}

/** There is no speech synthesis: a beep, then silence for as long as the text would take. */
export function spoken(text: string): Int16Array {
  return beepAndSilence(Math.max(BEEP_MS, text.length * SPEECH_MS_PER_CHARACTER));
}

/** The samples of a WAV file (16-bit PCM, mono, 8 kHz); undefined when it is anything else. */
function wavSamples(file: Buffer): Int16Array | undefined {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF') return undefined;
  let suitable = false;
  for (let at = 12; at + 8 <= file.length;) {
    const chunk = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = at + 8;
    if (chunk === 'fmt ' && size >= 16 && body + 16 <= file.length) {
      suitable =
        file.readUInt16LE(body) === 1 &&
        file.readUInt16LE(body + 2) === 1 &&
        file.readUInt32LE(body + 4) === 8000 &&
        file.readUInt16LE(body + 14) === 16;
    }
    if (chunk === 'data') return suitable ? samplesOf(file.subarray(body, body + size)) : undefined;
    at = body + size + (size & 1);
  }
  return undefined;
}

async function load(url: string): Promise<Buffer | undefined> {
  try {
    if (url.startsWith('file:')) return await readFile(fileURLToPath(url));
    if (url.startsWith('/')) return await readFile(url);
    const parsed = new URL(url);
    if (!/^https?:$/.test(parsed.protocol) || !LOOPBACK.test(parsed.hostname)) return undefined;
    const response = await fetch(parsed, { signal: AbortSignal.timeout(2000) });
    return response.ok ? Buffer.from(await response.arrayBuffer()) : undefined;
  } catch {
    return undefined;
  }
}

/** What `play` plays. A file that cannot be had (only this machine is asked) is a beep of one second. */
export async function played(url: string): Promise<Int16Array> {
  const silence = /^silence_stream:\/\/(\d+)$/.exec(url);
  if (silence !== null) {
    return new Int16Array(Math.min(Number(silence[1]), MAX_PROMPT_MS) * SAMPLES_PER_MS);
  }
  const file = await load(url);
  return (file === undefined ? undefined : wavSamples(file)) ?? beepAndSilence(1000);
}
