import { expect, it } from 'vitest';
import { LegInput, type LegKey } from '../../../../simulators/jambonz/media/freeswitch/leg-input.ts';

const FRAME = 160;

it('knows where a key began when its first packets are lost', () => {
  const keys: LegKey[] = [];
  const input = new LegInput(
    () => 0,
    (key) => keys.push(key),
  );
  const stream = { ssrc: 1, marker: false } as const;
  for (let tick = 0; tick <= 10; tick += 1) {
    const samples = new Int16Array(FRAME);
    input.accept({ kind: 'audio', ...stream, timestamp: tick * FRAME, samples }, tick);
  }
  const event = { kind: 'event', ...stream, event: 5, payloadType: 101, timestamp: 11 * FRAME } as const;
  // The key goes down at tick 11; what comes first is its fiftieth packet.
  for (let frame = 50; frame <= 60; frame += 1) {
    input.accept({ ...event, end: frame === 60, duration: frame * FRAME }, 10 + frame);
  }
  expect(keys).toEqual([{ event: 5, startIndex: 11, frames: 60, duration: 60 * FRAME, repeat: 0 }]);
});
