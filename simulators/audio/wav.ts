import { readFileSync, writeFileSync } from 'node:fs';
import { SAMPLE_RATE_HZ } from './tones.ts';

const HEADER_BYTES = 44;
const PCM = 1;

/** A WAV file's bytes: RIFF, 8 kHz, mono, 16-bit linear PCM. */
export function encodeWav(samples: Int16Array): Buffer {
  const dataBytes = samples.length * 2;
  const file = Buffer.alloc(HEADER_BYTES + dataBytes);
  file.write('RIFF', 0, 'ascii');
  file.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'ascii');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(PCM, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  file.writeUInt32LE(SAMPLE_RATE_HZ * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'ascii');
  file.writeUInt32LE(dataBytes, 40);
  for (const [index, sample] of samples.entries()) file.writeInt16LE(sample, HEADER_BYTES + index * 2);
  return file;
}

/**
 * The samples of a WAV file's bytes. Chunks other than `fmt ` and `data` are passed over, and a data length that
 * runs past the end (what a tool writes when it streams to a pipe) is cut to the bytes that are there.
 * Throws when it is not 8 kHz mono 16-bit PCM.
 */
export function decodeWav(file: Buffer): Int16Array {
  if (file.toString('ascii', 0, 4) !== 'RIFF' || file.toString('ascii', 8, 12) !== 'WAVE') {
    throw new Error('not a RIFF/WAVE file');
  }
  let formatSeen = false;
  for (let at = 12; at + 8 <= file.length;) {
    const name = file.toString('ascii', at, at + 4);
    const bytes = file.readUInt32LE(at + 4);
    const body = at + 8;
    if (name === 'fmt ') {
      refuseOtherFormat(file, body);
      formatSeen = true;
    }
    if (name === 'data') {
      if (!formatSeen) throw new Error('a WAV file whose data comes before its format');
      const count = Math.floor(Math.min(bytes, file.length - body) / 2);
      return Int16Array.from({ length: count }, (_, index) => file.readInt16LE(body + index * 2));
    }
    at = body + bytes + (bytes % 2);
  }
  throw new Error('a WAV file without data');
}

function refuseOtherFormat(file: Buffer, at: number): void {
  const channels = file.readUInt16LE(at + 2);
  const rate = file.readUInt32LE(at + 4);
  const bits = file.readUInt16LE(at + 14);
  if (channels !== 1 || rate !== SAMPLE_RATE_HZ || bits !== 16) {
    throw new Error(`expected 8000 Hz mono 16 bit, got ${rate} Hz, ${channels} channels, ${bits} bit`);
  }
}

export function writeWav(path: string, samples: Int16Array): void {
  writeFileSync(path, encodeWav(samples));
}

export function readWav(path: string): Int16Array {
  return decodeWav(readFileSync(path));
}
