import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whiteNoise } from '../../../../simulators/audio/tones.ts';
import { decodeWav, encodeWav, readWav, writeWav } from '../../../../simulators/audio/wav.ts';

describe('WAV', () => {
  it('reads what it has written', () => {
    const folder = mkdtempSync(join(tmpdir(), 'wav-'));
    try {
      const samples = whiteNoise(1001, -10);
      writeWav(join(folder, 'noise.wav'), samples);
      expect(readWav(join(folder, 'noise.wav'))).toEqual(samples);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('writes the header of 8 kHz mono 16-bit PCM', () => {
    const file = encodeWav(Int16Array.of(1, -2));
    expect(file.toString('hex')).toBe(
      '52494646280000005741564566' +
        '6d74201000000001000100401f0000803e000002001000' +
        '64617461040000000100feff',
    );
  });

  it('passes over other chunks and takes a data length that was never filled in', () => {
    const file = encodeWav(Int16Array.of(5, 6, 7));
    const withList = Buffer.concat([
      file.subarray(0, 36),
      Buffer.from('LIST\x03\0\0\0abc\0', 'latin1'),
      file.subarray(36),
    ]);
    withList.writeUInt32LE(0xffff_ffff, withList.length - 6 - 4);
    expect(decodeWav(withList)).toEqual(Int16Array.of(5, 6, 7));
  });

  it('refuses other formats', () => {
    const stereo = encodeWav(Int16Array.of(1, 2));
    stereo.writeUInt16LE(2, 22);
    expect(() => decodeWav(stereo)).toThrow('2 channels');
    expect(() => decodeWav(Buffer.from('ID3 something else'))).toThrow('not a RIFF');
    expect(() => decodeWav(encodeWav(Int16Array.of(1)).subarray(0, 36))).toThrow('without data');
  });
});
