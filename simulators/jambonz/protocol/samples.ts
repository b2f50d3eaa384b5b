export const SAMPLES_PER_MS = 8;

/** L16 little endian, as it goes over a listen socket, to samples. */
export function samplesOf(audio: Buffer): Int16Array {
  const samples = new Int16Array(audio.length >> 1);
  for (let index = 0; index < samples.length; index += 1) samples[index] = audio.readInt16LE(index * 2);
  return samples;
}

export function joinSamples(frames: readonly Int16Array[]): Int16Array {
  const joined = new Int16Array(frames.reduce((total, frame) => total + frame.length, 0));
  let position = 0;
  for (const frame of frames) {
    joined.set(frame, position);
    position += frame.length;
  }
  return joined;
}
