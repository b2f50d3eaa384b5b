import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Media, OutboundResult, PhoneOptions } from '../../../../simulators/jambonz/media/contract.ts';
import { createInProcessMedia } from '../../../../simulators/jambonz/media/in-process-media.ts';
import { ManualClock } from './manual-clock.ts';

let clock: ManualClock;
let media: Media;
let happened: string[];

beforeEach(() => {
  clock = new ManualClock();
  media = createInProcessMedia({ clock });
  happened = [];
});
afterEach(async () => {
  await media.close();
  clock.assertClosedIdle();
});

async function callAgent(options: Partial<PhoneOptions>, timeoutMs = 2_000) {
  const phone = media.createPhone({ number: '2000', ...options });
  const leg = await media.outbound(phone, {
    timeoutMs,
    ringing: () => happened.push('ringing'),
    onHangUp: () => happened.push('hung up'),
  });
  let result: OutboundResult['result'] | undefined;
  void leg.final.then((final) => (result = final.result));
  return { phone, leg, result: () => result };
}

describe('an outbound leg', () => {
  it('rings and is answered after the phone has rung', async () => {
    const { leg, result } = await callAgent({ ringMs: 300 });
    expect(leg.sdp).toBe('');
    await clock.advance(50);
    expect(happened).toEqual(['ringing']);
    expect(result()).toBeUndefined();
    await clock.advance(300);
    expect(result()).toBe('answered');
    expect(leg.sdp).toContain('m=audio');
  });

  it('is busy without ringing', async () => {
    const { result } = await callAgent({ onRing: 'busy' });
    await clock.advance(50);
    expect(result()).toBe('busy');
    expect(happened).toEqual([]);
  });

  it('is busy when the phone is in a call', async () => {
    const { phone } = await callAgent({ ringMs: 20 });
    await clock.advance(100);
    const second = await media.outbound(phone, {
      timeoutMs: 1_000,
      ringing: () => undefined,
      onHangUp: () => undefined,
    });
    await clock.advance(50);
    expect(await second.final).toEqual({ result: 'busy' });
    expect(phone.heard().samples.length).toBeGreaterThan(0);
  });

  it('is not answered within its time, or when cancelled', async () => {
    const ignored = await callAgent({ onRing: 'ignore' });
    await clock.advance(1_990);
    expect(ignored.result()).toBeUndefined();
    await clock.advance(20);
    expect(ignored.result()).toBe('no_answer');
    const cancelled = await callAgent({ onRing: 'ignore' });
    await clock.advance(100);
    cancelled.leg.cancel();
    await clock.advance(1);
    expect(cancelled.result()).toBe('no_answer');
    expect(happened).toEqual(['ringing', 'ringing']);
  });

  it('cannot be cancelled once answered', async () => {
    const { leg, phone } = await callAgent({ ringMs: 20 });
    await clock.advance(100);
    leg.cancel();
    const keyed = phone.key('1', { transport: 'rfc4733' });
    await clock.advance(300);
    expect(await keyed).toHaveLength(1);
    phone.hangUp();
    expect(happened).toEqual(['ringing', 'hung up']);
  });

  it('tells of the phone that declines or hangs up, once, and frees the phone', async () => {
    const { phone, leg, result } = await callAgent({ onRing: 'ignore' });
    await clock.advance(50);
    phone.hangUp();
    await clock.advance(1);
    expect(result()).toBe('busy');
    leg.hangUp();
    phone.hangUp();
    expect(happened).toEqual(['ringing', 'hung up']);
    const again = await media.inbound(phone, () => undefined);
    again.hangUp();
  });
});

describe('an inbound leg', () => {
  it('tells of a caller who gives up before the answer', async () => {
    const phone = media.createPhone({ number: '1' });
    const leg = await media.inbound(phone, () => happened.push('hung up'));
    expect(leg.sdp).toContain('a=rtpmap:101 telephone-event/8000');
    phone.hangUp();
    await leg.answer();
    expect(happened).toEqual(['hung up']);
    await expect(phone.key('1', { transport: 'rfc4733' })).rejects.toThrow('not in a call');
  });

  it('sends and records nothing before the answer', async () => {
    const phone = media.createPhone({ number: '1' });
    const leg = await media.inbound(phone, () => undefined);
    let frames = 0;
    leg.fork({
      mixType: 'mono',
      onAudio: (frame) => (frames += frame.some((byte) => byte !== 0xff) ? 1 : 0),
      onKey: () => undefined,
    });
    await clock.advance(200);
    expect(frames).toBe(0);
    expect(phone.heard().samples).toHaveLength(0);
    await leg.answer();
    await clock.advance(200);
    expect(frames).toBeGreaterThan(5);
    expect(phone.heard().startedAtMs).toBe(200);
  });

  it('resolves keys under way with those that were keyed when the leg ends', async () => {
    const phone = media.createPhone({ number: '1' });
    const leg = await media.inbound(phone, () => undefined);
    await leg.answer();
    const keyed = phone.key('12345', { transport: 'rfc4733' });
    await clock.advance(450);
    leg.hangUp();
    expect((await keyed).map(({ key }) => key).join('')).toBe('12');
  });

  it('refuses keys that a phone does not have and phones that are in use', async () => {
    const phone = media.createPhone({ number: '1' });
    const leg = await media.inbound(phone, () => undefined);
    await leg.answer();
    await expect(phone.key('1E', { transport: 'rfc4733' })).rejects.toThrow('not a key');
    await expect(phone.key('1', { transport: 'rfc4733', onMs: 5 })).rejects.toThrow(RangeError);
    await expect(phone.key('1', { transport: 'rfc4733', spacedEndPackets: true, offMs: 40 })).rejects.toThrow(
      RangeError,
    );
    await expect(media.inbound(phone, () => undefined)).rejects.toThrow('in use');
  });

  it('that is being opened while the system closes is closed with it', async () => {
    const opening = media.inbound(media.createPhone({ number: '1' }), () => undefined);
    await Promise.all([media.close(), expect(opening).rejects.toThrow('no longer free')]);
  });

  it('can be hung up during a hold', async () => {
    const leg = await media.inbound(media.createPhone({ number: '1' }), () => undefined);
    await leg.answer();
    const renegotiated = leg.renegotiate();
    leg.hangUp();
    await expect(renegotiated).resolves.toBeUndefined();
    await expect(leg.renegotiate()).rejects.toThrow('answered');
  });

  it('is refused after close', async () => {
    await media.close();
    await expect(media.inbound(media.createPhone({ number: '1' }), () => undefined)).rejects.toThrow(
      'closed',
    );
  });
});
