import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readKeyFrame, takeSamples } from '../../../../src/telephony/jambonz/listen-frame.ts';

const KEYS = '0123456789*#ABCD';

describe('readKeyFrame', () => {
  it('reads every key as jambonz writes it', () => {
    for (const [code, key] of KEYS.split('').entries()) {
      const frame = Buffer.from(`{"event":"dtmf","dtmf":"${key}","duration":"9600"}`);
      expect(readKeyFrame(frame)).toEqual({ key: code, pressMs: 1200 });
    }
  });

  it('takes another order, white space and a bare duration', () => {
    expect(readKeyFrame(Buffer.from('{ "duration" : 800, "dtmf": "4", "event": "dtmf" }'))).toEqual({
      key: 4,
      pressMs: 100,
    });
  });

  it.each([
    '{"event":"dtmf","dtmf":"44","duration":"800"}',
    '{"event":"dtmf","dtmf":"","duration":"800"}',
    '{"event":"dtmf","dtmf":"x","duration":"800"}',
    '{"event":"dtmf","dtmf":"4","duration":"-1"}',
    '{"event":"start","dtmf":"4"}',
    '{"dtmf":"4"}',
    '{"event":"dtmf","dtmf":"4',
    '{"event":"dtmf","dtmf":"\\u0034"}',
    '',
    '4',
  ])('knows no key in %s', (text) => {
    expect(readKeyFrame(Buffer.from(text))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => readKeyFrame(Buffer.from(text))).not.toThrow();
      }),
    );
  });
});

describe('takeSamples', () => {
  it('takes mono as it is and the second channel of stereo, and zeroes the frame', () => {
    const samples = new Int16Array(160);
    const mono = Buffer.from(Int16Array.from([1, -2, 3]).buffer);
    expect(takeSamples(mono, 0, 1, samples)).toBe(3);
    expect([...samples.subarray(0, 3)]).toEqual([1, -2, 3]);
    expect(mono.every((byte) => byte === 0)).toBe(true);

    const stereo = Buffer.from(Int16Array.from([1, -11, 2, -12, 3, -13]).buffer);
    expect(takeSamples(stereo, 0, 2, samples)).toBe(3);
    expect([...samples.subarray(0, 3)]).toEqual([-11, -12, -13]);
    expect(stereo.every((byte) => byte === 0)).toBe(true);
  });

  it('takes at most what there is room for, from where it is told, at any alignment', () => {
    const backing = Buffer.alloc(9);
    const odd = backing.subarray(1);
    for (const [index, value] of [10, 20, 30, 40].entries()) odd.writeInt16LE(value, index * 2);
    const samples = new Int16Array(2);
    expect(takeSamples(odd, 0, 1, samples)).toBe(2);
    expect([...samples]).toEqual([10, 20]);
    expect(takeSamples(odd, 4, 1, samples)).toBe(2);
    expect([...samples]).toEqual([30, 40]);
    expect(takeSamples(Buffer.from([1]), 0, 1, samples)).toBe(0);
  });
});
