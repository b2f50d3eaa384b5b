import { afterEach, describe, expect, it } from 'vitest';
import { firstVoiceAfter, loudestPairWindowDbfs, rmsDbfs } from '../../../../simulators/audio/measure.ts';
import { decodeWithMultimon, multimonInstalled } from '../../../../simulators/audio/multimon.ts';
import { RELAY_PHASE_MS } from '../../../../simulators/jambonz/media/media-clock.ts';
import { answeredCall, heardBetween, keyAll, type Call } from './call.ts';

const ALL_KEYS = '0123456789*#ABCD';

let call: Call;
afterEach(async () => {
  await call.media.close();
  call.clock.assertClosedIdle();
});

/** Ends of events: an event counts once however many end packets came in a row. */
function eventsEnded(events: readonly { event: number; end: boolean }[]): number[] {
  return events.filter(({ end }, index) => end && events[index - 1]?.end !== true).map(({ event }) => event);
}

describe('a bridge', () => {
  it('passes speech both ways and stops when undone', async () => {
    call = await answeredCall();
    const { clock, caller, agent } = call;
    caller.setSpeaking(true);
    await clock.advance(500);
    expect(rmsDbfs(agent.heard().samples)).toBe(-120); // not bridged yet
    const undo = call.media.bridge(call.callerLeg, call.agentLeg);
    const bridgedAt = clock.now();
    await clock.advance(1_000);
    expect(rmsDbfs(heardBetween(agent, bridgedAt + 100, clock.now()))).toBeGreaterThan(-30);
    expect(rmsDbfs(heardBetween(caller, bridgedAt + 100, clock.now()))).toBeLessThan(-60);
    const voiceAt = firstVoiceAfter(heardBetween(agent, bridgedAt, clock.now())) ?? Infinity;
    expect(voiceAt / 8).toBeLessThan(60);
    caller.setSpeaking(false);
    call.agent.setSpeaking(true);
    await clock.advance(1_000);
    expect(rmsDbfs(heardBetween(caller, clock.now() - 500, clock.now()))).toBeGreaterThan(-30);
    undo();
    const undoneAt = clock.now();
    await clock.advance(500);
    expect(rmsDbfs(heardBetween(caller, undoneAt + 20, clock.now()))).toBe(-120);
  });

  it.each(['rfc4733', 'info'] as const)(
    'gives the agent an event of its own for each %s key',
    async (transport) => {
      call = await answeredCall();
      call.media.bridge(call.callerLeg, call.agentLeg);
      const keyed = await keyAll(call.clock, call.caller, ALL_KEYS, { transport });
      expect(keyed.map(({ key }) => key).join('')).toBe(ALL_KEYS);
      expect(keyed.map(({ startMs, endMs }) => endMs - startMs)).toEqual(keyed.map(() => 100));
      const events = call.agent.telephoneEventsHeard();
      expect(eventsEnded(events)).toEqual(Array.from(ALL_KEYS, (_, event) => event));
      expect(events.filter(({ end }) => end)).toHaveLength(48);
      expect(events.every(({ payloadType }) => payloadType === 101)).toBe(true);
      expect(call.caller.telephoneEventsHeard()).toEqual([]);
      expect(loudestPairWindowDbfs(call.agent.heard().samples)).toBeLessThan(-60);
    },
  );

  it('sends no audio during an event, and an event of the same length', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    await keyAll(call.clock, call.caller, '9', { transport: 'info', onMs: 300 });
    const events = call.agent.telephoneEventsHeard();
    expect(events).toHaveLength(15 + 2);
    const [first, last] = [events[0]?.atMs ?? 0, events.at(-1)?.atMs ?? 0];
    expect(last - first).toBe(280);
    expect(rmsDbfs(heardBetween(call.agent, first, last + 20))).toBe(-120);
    expect(rmsDbfs(heardBetween(call.agent, last + 20, last + 60))).toBeGreaterThan(-80);
  });

  it('keeps up with keys 40 ms on and 20 ms off', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    await keyAll(call.clock, call.caller, ALL_KEYS, { transport: 'rfc4733', onMs: 40, offMs: 20 });
    expect(eventsEnded(call.agent.telephoneEventsHeard())).toHaveLength(16);
  });

  it.skipIf(!multimonInstalled())('passes tones as audio that an independent decoder reads', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    await keyAll(call.clock, call.caller, ALL_KEYS, { transport: 'tones' });
    expect(call.agent.telephoneEventsHeard()).toEqual([]);
    expect((await decodeWithMultimon(call.agent.heard().samples)).join('')).toBe(ALL_KEYS);
  });

  it.skipIf(!multimonInstalled()).each([
    { toneLeadMs: 10, decoded: '' },
    { toneLeadMs: 20, decoded: ALL_KEYS },
    { toneLeadMs: 60, decoded: ALL_KEYS },
  ])('lets a tone lead of $toneLeadMs ms through', async ({ toneLeadMs, decoded }) => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    await keyAll(call.clock, call.caller, ALL_KEYS, { transport: 'bleed', toneLeadMs });
    expect(eventsEnded(call.agent.telephoneEventsHeard())).toHaveLength(16);
    expect((await decodeWithMultimon(call.agent.heard().samples)).join('')).toBe(decoded);
  });

  it('sends no speech while a key is sent', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    call.caller.setSpeaking(true);
    await call.clock.advance(300);
    const [key] = await keyAll(call.clock, call.caller, '5', { transport: 'info', onMs: 400 });
    if (key === undefined) throw new Error('no key');
    expect(rmsDbfs(heardBetween(call.agent, key.startMs + 25, key.endMs))).toBeLessThan(-60);
    await call.clock.advance(500);
    expect(rmsDbfs(heardBetween(call.agent, key.endMs + 150, key.endMs + 600))).toBeGreaterThan(-40);
  });

  it('loses about the share of frames that the phone loses, and nothing else', async () => {
    call = await answeredCall({ caller: { impairments: { packetLoss: 0.2 } } });
    call.media.bridge(call.callerLeg, call.agentLeg);
    const from = call.clock.now();
    await call.clock.advance(10_000);
    const heard = heardBetween(call.agent, from + 100 + RELAY_PHASE_MS, call.clock.now() - 100);
    let lost = 0;
    for (let at = 0; at < heard.length; at += 160) if (rmsDbfs(heard, at, at + 160) === -120) lost += 1;
    expect(lost).toBeGreaterThan(60);
    expect(lost).toBeLessThan(140);
  });

  it('relays late packets late and in their place', async () => {
    call = await answeredCall({ caller: { impairments: { jitterMs: 60 } } });
    call.media.bridge(call.callerLeg, call.agentLeg);
    const from = call.clock.now();
    await call.clock.advance(3_000);
    const heard = heardBetween(call.agent, from + 200, call.clock.now() - 200);
    for (let at = 0; at < heard.length; at += 160) expect(rmsDbfs(heard, at, at + 160)).toBeGreaterThan(-90);
  });

  it('plays instead of the other side, and ends the play with the leg', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    const tone = Int16Array.from({ length: 4_000 }, (_, index) => 8_000 * Math.sin(index / 3));
    const from = call.clock.now();
    let done = false;
    void call.agentLeg.play(tone).then(() => (done = true));
    await call.clock.advance(480);
    expect(done).toBe(false);
    await call.clock.advance(40);
    expect(done).toBe(true);
    expect(rmsDbfs(heardBetween(call.agent, from + 20, from + 500))).toBeGreaterThan(-20);
    const cut = call.agentLeg.play(new Int16Array(80_000));
    call.agentLeg.hangUp();
    await cut;
  });

  it('goes on after a re-negotiation with a new stream', async () => {
    call = await answeredCall();
    call.media.bridge(call.callerLeg, call.agentLeg);
    const before = call.callerLeg.sdp;
    const renegotiated = call.callerLeg.renegotiate();
    await call.clock.advance(200);
    await renegotiated;
    expect(call.callerLeg.sdp).not.toBe(before);
    await keyAll(call.clock, call.caller, '42', { transport: 'rfc4733' });
    expect(eventsEnded(call.agent.telephoneEventsHeard())).toEqual([4, 2]);
    expect(rmsDbfs(heardBetween(call.agent, call.clock.now() - 100, call.clock.now() - 20))).toBeGreaterThan(
      -80,
    );
  });
});
