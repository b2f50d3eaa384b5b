import { describe, expect, it } from 'vitest';
import { HeardRecorder } from '../../../../simulators/phones/heard-recorder.ts';

/** Frame number `value` of a stream: 160 samples of that value. */
function frame(value: number, timestamp = value * 160, ssrc = 1) {
  return { kind: 'audio', ssrc, timestamp, marker: false, samples: new Int16Array(160).fill(value) } as const;
}

/** The value of each 20 ms of the recording, from the first frame on. */
function heard(recorder: HeardRecorder, nowMs: number, phaseMs = 0): number[] {
  const samples = recorder.heard(nowMs).subarray(phaseMs * 8);
  return Array.from(
    { length: Math.floor(samples.length / 160) },
    (_, index) => samples[index * 160 + 80] ?? 0,
  );
}

describe('what a phone heard', () => {
  it('is placed by the first arrival and the timestamps, with zeros for what is missing', () => {
    const recorder = new HeardRecorder(1_000);
    for (const [value, atMs] of [
      [1, 1_020],
      [2, 1_047],
      [4, 1_081],
      [3, 1_090],
    ] as const)
      recorder.record(frame(value), atMs);
    expect(heard(recorder, 1_140)).toEqual([0, 1, 2, 3, 4, 0, 0]);
  });

  it('takes a burst after a stall for what it is', () => {
    const recorder = new HeardRecorder(0);
    for (let value = 1; value <= 10; value++) recorder.record(frame(value), value * 20);
    for (let value = 11; value <= 30; value++) recorder.record(frame(value), 601);
    for (let value = 31; value <= 100; value++) recorder.record(frame(value), value * 20);
    expect(heard(recorder, 2_000).slice(1, 100)).toEqual(Array.from({ length: 99 }, (_, index) => index + 1));
  });

  it('finds a burst at the very beginning its place', () => {
    const recorder = new HeardRecorder(0);
    for (let value = 1; value <= 20; value++) recorder.record(frame(value), 400);
    for (let value = 21; value <= 30; value++) recorder.record(frame(value), value * 20);
    expect(heard(recorder, 600).slice(1, 30)).toEqual(Array.from({ length: 29 }, (_, index) => index + 1));
  });

  it('hears a gap that the timestamps do not show', () => {
    const recorder = new HeardRecorder(0);
    for (let value = 1; value <= 5; value++) recorder.record(frame(value), value * 20);
    for (let value = 6; value <= 10; value++) recorder.record(frame(value), value * 20 + 200);
    const gap = Array.from({ length: 10 }, () => 0);
    expect(heard(recorder, 400).slice(1, 21)).toEqual([1, 2, 3, 4, 5, ...gap, 6, 7, 8, 9, 10]);
    for (let value = 11; value <= 100; value++) recorder.record(frame(value), value * 20 + 200);
    expect(heard(recorder, 2_200).slice(1, 21)).toEqual([1, 2, 3, 4, 5, ...gap, 6, 7, 8, 9, 10]);
  });

  it('begins anew with a new stream', () => {
    const recorder = new HeardRecorder(0);
    recorder.record(frame(1), 20);
    recorder.record(frame(9, 77_777, 2), 80);
    recorder.record(frame(10, 77_937, 2), 100);
    expect(heard(recorder, 120)).toEqual([0, 1, 0, 0, 9, 10]);
  });

  it('stops with the leg', () => {
    const recorder = new HeardRecorder(0);
    recorder.record(frame(1), 20);
    recorder.stop(60);
    recorder.record(frame(2), 60);
    expect(heard(recorder, 9_000)).toEqual([0, 1, 0]);
  });
});
