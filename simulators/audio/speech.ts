import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readWav } from './wav.ts';

const run = promisify(execFile);

/**
 * Recorded speech of two people, 8 to 9 s, 8 kHz 16-bit mono, 300 to 3400 Hz. They were made with `speakWithEspeak`'s
 * commands, so that neither the demo nor a test needs espeak-ng.
 */
export function callerSpeech(): Int16Array {
  return readWav(recording('caller.wav'));
}

export function agentSpeech(): Int16Array {
  return readWav(recording('agent.wav'));
}

/** Whether espeak-ng, and sox for its telephone sound, are there. */
export function espeakInstalled(): boolean {
  return existsSync('/usr/bin/espeak-ng') && existsSync('/usr/bin/sox');
}

/** Speaks `text` (English) with a voice of espeak-ng, e.g. `en-us+m3`. Rejects when a program is not installed. */
export async function speakWithEspeak(text: string, voice = 'en-us+m3'): Promise<Int16Array> {
  const spoken = join(tmpdir(), `speech-${randomUUID()}.wav`);
  const telephone = `${spoken}.8k.wav`;
  try {
    await run('espeak-ng', ['-v', voice, '-s', '150', '-w', spoken, '--', text]);
    await run('sox', [spoken, '-r', '8000', '-c', '1', '-b', '16', telephone, ...TELEPHONE_SOUND]);
    return readWav(telephone);
  } finally {
    await Promise.all([rm(spoken, { force: true }), rm(telephone, { force: true })]);
  }
}

const TELEPHONE_SOUND = ['highpass', '300', 'lowpass', '3400', 'norm', '-3'];

/** The recordings stay in the source tree; the compiled modules are elsewhere in the package. */
function recording(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package of the simulators was not found');
    folder = parent;
  }
  return join(folder, 'simulators', 'audio', 'speech', name);
}
