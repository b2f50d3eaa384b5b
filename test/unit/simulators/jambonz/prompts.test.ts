import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { played, spoken } from '../../../../simulators/jambonz/protocol/prompts.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prompts-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function wav(samples: number[], sampleRate = 8000): Buffer {
  const data = Buffer.alloc(samples.length * 2);
  for (const [index, sample] of samples.entries()) data.writeInt16LE(sample, index * 2);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(sampleRate, 24);
  head.writeUInt32LE(sampleRate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

describe('prompts', () => {
  it('play the samples of a WAV file', async () => {
    const path = join(folder, 'prompt.wav');
    await writeFile(path, wav([1, -2, 300]));
    expect([...(await played(path))]).toEqual([1, -2, 300]);
    expect([...(await played(`file://${path}`))]).toEqual([1, -2, 300]);
  });

  it('beep for what is no file, no 8 kHz WAV, or not on this machine', async () => {
    const path = join(folder, 'wide.wav');
    await writeFile(path, wav([1, 2], 16_000));
    for (const url of [join(folder, 'none.wav'), path, 'https://example.com/a.wav', 'nonsense']) {
      const samples = await played(url);
      expect(samples.length).toBe(8000);
      expect(samples.some((sample) => sample !== 0)).toBe(true);
    }
  });

  it('keep silent for a silence stream, and speak longer for a longer text', async () => {
    const silence = await played('silence_stream://50');
    expect(silence.length).toBe(400);
    expect(silence.every((sample) => sample === 0)).toBe(true);
    expect(spoken('a long sentence to speak').length).toBeGreaterThan(spoken('short').length);
  });
});
