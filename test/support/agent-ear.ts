import { expect, vi } from 'vitest';
import { firstVoiceAfter, loudestPairWindowDbfs } from '../../simulators/audio/measure.ts';
import { decodeWithMultimon, multimonInstalled } from '../../simulators/audio/multimon.ts';
import { decodeWithOurDetector } from '../../simulators/audio/our-detector.ts';
import type { Phone } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';

/** Below this no decoder finds a key; the line's own noise is at −65 dBFS. */
const NO_TONE_DBFS = -60;
/** A tone or a voice that is due is there by then, on a busy machine too. */
const DUE_WITHIN_MS = 15_000;

/** The agent's phone. Throws when the agent was never called. */
export function agentOf(call: SimulatedCall): Phone {
  if (call.agent === undefined) throw new Error('the agent was not called');
  return call.agent;
}

/** What a phone heard between two moments of `performance.now()`. */
export function heardBetween(phone: Phone, fromMs: number, toMs = performance.now()): Int16Array {
  const { samples, startedAtMs } = phone.heard();
  const at = (ms: number): number => Math.max(0, Math.round((ms - startedAtMs) * 8));
  return samples.subarray(at(fromMs), at(toMs));
}

/** The agent was given no key, neither as an event nor as a tone that either decoder finds. People may talk. */
export async function expectNoKey(
  call: SimulatedCall,
  fromMs: number,
  toMs = performance.now(),
): Promise<void> {
  const agent = agentOf(call);
  const packets = agent.telephoneEventsHeard().filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  expect(packets).toEqual([]);
  const samples = heardBetween(agent, fromMs, toMs);
  expect(decodeWithOurDetector(samples)).toEqual([]);
  if (multimonInstalled()) expect(await decodeWithMultimon(samples)).toEqual([]);
}

/** The same, and not even 10 ms of a tone pair: for times at which the caller does not talk, or is not heard. */
export async function expectSilence(
  call: SimulatedCall,
  fromMs: number,
  toMs = performance.now(),
): Promise<void> {
  await expectNoKey(call, fromMs, toMs);
  expect(loudestPairWindowDbfs(heardBetween(agentOf(call), fromMs, toMs))).toBeLessThan(NO_TONE_DBFS);
}

/** Resolves once the agent hears a voice that was spoken after `fromMs`. */
export async function untilVoice(call: SimulatedCall, fromMs = performance.now()): Promise<void> {
  await vi.waitFor(
    () =>
      expect(firstVoiceAfter(heardBetween(agentOf(call), fromMs)), 'the agent hears a voice').toBeDefined(),
    { timeout: DUE_WITHIN_MS, interval: 100 },
  );
}

/**
 * No lock is left: the agent hears the caller talk, and a key event of the caller reaches the agent where the bridge
 * passes such events on (a dial does, a conference never).
 */
export async function expectUnlocked(call: SimulatedCall, bridge: 'dial' | 'conference'): Promise<void> {
  const fromMs = performance.now();
  call.caller.setSpeaking(true);
  await untilVoice(call, fromMs);
  if (bridge === 'conference') return;
  await call.caller.key('5', { transport: 'rfc4733' });
  await vi.waitFor(
    () => {
      const packets = agentOf(call).telephoneEventsHeard();
      expect(packets.filter(({ atMs, end }) => atMs > fromMs && end).map(({ event }) => event)).toContain(5);
    },
    { timeout: DUE_WITHIN_MS, interval: 50 },
  );
}
