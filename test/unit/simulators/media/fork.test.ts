import { afterEach, describe, expect, it } from 'vitest';
import { rmsDbfs, toneDbfs } from '../../../../simulators/audio/measure.ts';
import type { KeyingOptions, MediaLeg } from '../../../../simulators/jambonz/media/contract.ts';
import { answeredCall, keyAll, type Call } from './call.ts';

const ALL_KEYS = '0123456789*#ABCD';

let call: Call;
afterEach(async () => {
  await call.media.close();
  call.clock.assertClosedIdle();
});

interface Tapped {
  /** Mono, or channel 0. */
  readonly samples: number[];
  readonly given: number[];
  readonly keys: { dtmf: string; duration: string; atMs: number; atSample: number }[];
  readonly frames: { bytes: number; atMs: number }[];
  close(): void;
}

function tap(leg: MediaLeg, mixType: 'mono' | 'mixed' | 'stereo' = 'mono'): Tapped {
  const samples: number[] = [];
  const given: number[] = [];
  const keys: Tapped['keys'] = [];
  const frames: Tapped['frames'] = [];
  const fork = leg.fork({
    mixType,
    onAudio: (frame) => {
      frames.push({ bytes: frame.length, atMs: call.clock.now() });
      const step = mixType === 'stereo' ? 4 : 2;
      for (let at = 0; at < frame.length; at += step) {
        samples.push(frame.readInt16LE(at));
        if (mixType === 'stereo') given.push(frame.readInt16LE(at + 2));
      }
    },
    onKey: ({ dtmf, duration }) =>
      keys.push({ dtmf, duration, atMs: call.clock.now(), atSample: samples.length }),
  });
  return { samples, given, keys, frames, close: () => fork.close() };
}

/** The part of the tap before a key's message: from `fromMs` to `toMs` before it. */
function before(tapped: Tapped, atSample: number, fromMs: number, toMs: number): Int16Array {
  return Int16Array.from(tapped.samples.slice(atSample - fromMs * 8, atSample - toMs * 8));
}

describe('a fork', () => {
  it('delivers 320 bytes every 20 ms until it is closed', async () => {
    call = await answeredCall();
    const tapped = tap(call.callerLeg);
    await call.clock.advance(1_000);
    expect(tapped.frames).toHaveLength(50);
    expect(new Set(tapped.frames.map(({ bytes }) => bytes))).toEqual(new Set([320]));
    tapped.close();
    await call.clock.advance(100);
    expect(tapped.frames).toHaveLength(50);
  });

  it.each<KeyingOptions>([
    { transport: 'rfc4733' },
    { transport: 'info' },
    { transport: 'rfc4733', onMs: 40, offMs: 20 },
    { transport: 'info', onMs: 40, offMs: 20 },
    { transport: 'bleed' },
    { transport: 'rfc4733', onMs: 400 },
  ])('delivers every key of %o once, 63 to 84 ms after it', async (options) => {
    call = await answeredCall();
    const tapped = tap(call.callerLeg);
    const keyed = await keyAll(call.clock, call.caller, ALL_KEYS, options);
    expect(tapped.keys.map(({ dtmf }) => dtmf).join('')).toBe(ALL_KEYS);
    expect(new Set(tapped.keys.map(({ duration }) => duration))).toEqual(
      new Set([String((options.onMs ?? 100) * 8)]),
    );
    const delays = tapped.keys.map(({ atMs }, index) => atMs - (keyed[index]?.endMs ?? 0));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(63);
    expect(Math.max(...delays)).toBeLessThanOrEqual(84);
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(3);
  });

  it.each(['rfc4733', 'info', 'bleed'] as const)(
    'holds constant samples for 140 ms of a %s key',
    async (transport) => {
      call = await answeredCall();
      const tapped = tap(call.callerLeg);
      await keyAll(call.clock, call.caller, '5', { transport });
      const at = tapped.keys[0]?.atSample ?? 0;
      expect(new Set(before(tapped, at, 140, 0)).size).toBe(1);
      expect(new Set(before(tapped, at, 160, 140)).size).toBeGreaterThan(3);
      expect(new Set(tapped.samples.slice(at, at + 160)).size).toBeGreaterThan(3);
    },
  );

  it.each([10, 20, 30, 45, 60])('has a tone lead of %i ms right before these 140 ms', async (toneLeadMs) => {
    call = await answeredCall();
    const tapped = tap(call.callerLeg);
    await keyAll(call.clock, call.caller, '8#', { transport: 'bleed', toneLeadMs });
    for (const { atSample } of tapped.keys) {
      expect(rmsDbfs(before(tapped, atSample, 140 + toneLeadMs, 140))).toBeGreaterThan(-15);
      expect(rmsDbfs(before(tapped, atSample, 140 + toneLeadMs + 20, 140 + toneLeadMs))).toBeLessThan(-55);
    }
  });

  it('delivers a key two or three times, 43 to 49 ms apart, when audio stands between the end packets', async () => {
    call = await answeredCall();
    const tapped = tap(call.callerLeg);
    await keyAll(call.clock, call.caller, ALL_KEYS, { transport: 'rfc4733', spacedEndPackets: true });
    expect([...new Set(tapped.keys.map(({ dtmf }) => dtmf))].join('')).toBe(ALL_KEYS);
    expect(tapped.keys.length).toBeGreaterThan(32);
    expect(tapped.keys.length).toBeLessThan(48);
    for (const key of ALL_KEYS) {
      const same = tapped.keys.filter(({ dtmf }) => dtmf === key);
      expect([2, 3]).toContain(same.length);
      for (const [index, { atMs }] of same.slice(1).entries()) {
        const apart = atMs - (same[index]?.atMs ?? 0);
        expect(apart).toBeGreaterThanOrEqual(43);
        expect(apart).toBeLessThanOrEqual(49);
      }
    }
  });

  it('has tones in the audio only', async () => {
    call = await answeredCall();
    const tapped = tap(call.callerLeg);
    await keyAll(call.clock, call.caller, '1', { transport: 'tones' });
    expect(tapped.keys).toEqual([]);
    const loudest = tapped.samples.findIndex((sample) => Math.abs(sample) > 5_000);
    const tone = Int16Array.from(tapped.samples.slice(loudest, loudest + 640));
    expect(toneDbfs(tone, 697)).toBeGreaterThan(-13);
    expect(toneDbfs(tone, 1209)).toBeGreaterThan(-11);
  });

  it('in stereo has the phone in channel 0 and what the leg is given in channel 1', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    const tapped = tap(call.agentLeg, 'stereo');
    call.caller.setSpeaking(true);
    await call.clock.advance(1_000);
    expect(tapped.frames[0]?.bytes).toBe(640);
    expect(rmsDbfs(Int16Array.from(tapped.samples.slice(1_600)))).toBeLessThan(-60);
    expect(rmsDbfs(Int16Array.from(tapped.given.slice(1_600)))).toBeGreaterThan(-30);
  });

  it('mixes both directions when asked for', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    const mono = tap(call.agentLeg, 'mono');
    const mixed = tap(call.agentLeg, 'mixed');
    call.caller.setSpeaking(true);
    await call.clock.advance(1_000);
    expect(rmsDbfs(Int16Array.from(mono.samples.slice(1_600)))).toBeLessThan(-60);
    expect(rmsDbfs(Int16Array.from(mixed.samples.slice(1_600)))).toBeGreaterThan(-30);
  });

  it('loses a key only when all three end packets are lost', async () => {
    call = await answeredCall({ caller: { impairments: { packetLoss: 0.1 } } });
    const tapped = tap(call.callerLeg);
    await keyAll(call.clock, call.caller, ALL_KEYS.repeat(2), { transport: 'rfc4733' });
    expect(tapped.keys.map(({ dtmf }) => dtmf).join('')).toBe(ALL_KEYS.repeat(2));
    const deaf = await answeredCall({ caller: { impairments: { packetLoss: 1 } } });
    await call.media.close();
    call = deaf;
    const nothing = tap(call.callerLeg);
    await keyAll(call.clock, call.caller, '12', { transport: 'rfc4733' });
    expect(nothing.keys).toEqual([]);
    expect(nothing.frames.length).toBeGreaterThan(20);
  });
});
