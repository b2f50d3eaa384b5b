import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeWithOurDetector } from '../../simulators/audio/our-detector.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource } from '../../src/workflows/contract.ts';
import { startCapture, startCheckedStack, talkingCall, type FollowedCapture } from '../support/acceptance.ts';
import { agentOf, expectNoKey, expectUnlocked, heardBetween } from '../support/agent-ear.ts';
import { submit, type Card } from '../support/charge.ts';
import {
  detailOf,
  evidenceOf,
  expectNothingKeyed,
  ledgerOf,
  readCapture,
  stepsOf,
  untilCall,
  untilStep,
} from '../support/records.ts';

/** No `0` in it, which would undo the mute, and it is keyed without `#`, which would throw the caller out. */
const CARD: Card = { number: '4242424242424242', expiry: '1231', securityCode: '123' };
const INTER_DIGIT_SECONDS = 2;
const DUE_WITHIN_MS = 15_000;
/** Keys of a tone phone. */
const TONE_MS = [60, 120, 600] as const;
/** By the time that any mute could act, more of this one has passed than a decoder needs. */
const CERTAINLY_HEARD_MS = 600;

interface Begun {
  readonly line: number;
  readonly reference: string;
  readonly call: SimulatedCall;
  readonly capture: FollowedCapture;
  readonly collectingMs: number;
}

/**
 * FreeSWITCH's stock conference profile, which an installation must not use: a caller's own `0` undoes the mute. What
 * the gateway promises even then: a sound that comes through the closed guard interrupts the capture until the mute
 * stands again, and a digit that comes through ends it. No capture in which a digit was heard succeeds.
 */
describe('a conference under the stock caller-controls', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'conference',
      callerControls: 'stock',
      lines: TONE_MS.length + 1,
    });
  });
  afterAll(async () => await stack?.close());

  async function startGuarded(line: number, reference: string): Promise<Begun> {
    const call = await talkingCall(stack, { line });
    await untilCall(stack, line, { state: 'connected', masked: false });
    call.caller.setSpeaking(false);
    agentOf(call).setSpeaking(false);
    const capture = await startCapture(stack, {
      line,
      request: { reference, guard: 'always', inter_digit_timeout_seconds: INTER_DIGIT_SECONDS },
    });
    await capture.untilStatus('collecting');
    return { line, reference, call, capture, collectingMs: performance.now() };
  }

  /** The key counts as one, and undoes the mute. */
  async function undoMute({ call, capture }: Begun): Promise<void> {
    await call.caller.key('0', { transport: 'rfc4733' });
    await capture.until(({ fields }) => fields[0]?.digits === 1);
  }

  async function expectBreached({ capture }: Begun, outcome: CaptureResource): Promise<void> {
    expect(outcome).toMatchObject({ status: 'failed', reason: 'masking_breached' });
    const evidence = await evidenceOf(stack, capture.id);
    expect(evidence.sentinel?.digits_heard).toBeGreaterThanOrEqual(1);
    expect(detailOf(evidence, 'breached')).toBe('the sentinel heard a digit on the agent leg');
  }

  /** The mute stood again before so much of the tone had passed that anybody could tell the key. */
  async function expectMutedInTime({ call, capture, collectingMs }: Begun, settledMs: number): Promise<void> {
    await expectNoKey(call, collectingMs, settledMs);
    const evidence = await evidenceOf(stack, capture.id);
    expect(evidence.sentinel?.digits_heard).toBe(0);
    expect(stepsOf(evidence)).toEqual(expect.arrayContaining(['interrupted', 'restored']));
    expect(await capture.command('cancel')).toMatchObject({ status: 'cancelled' });
  }

  it.concurrent.each(TONE_MS.map((onMs, line) => ({ onMs, line })))(
    'a tone of $onMs ms after a 0 never goes unnoticed',
    async ({ onMs, line }) => {
      const begun = await startGuarded(line, `tone-${onMs}`);
      const { call, capture, reference, collectingMs } = begun;
      await undoMute(begun);
      await call.caller.key('5', { transport: 'tones', onMs });
      const noticed = await capture.until(
        ({ status, interruption }) => status === 'failed' || interruption !== undefined,
      );
      // Either the mute stands again, or the capture is over.
      await vi.waitFor(
        () => {
          const latest = capture.latest() ?? noticed;
          expect(latest.status === 'failed' || latest.interruption === undefined).toBe(true);
        },
        { timeout: DUE_WITHIN_MS, interval: 20 },
      );
      const settledMs = performance.now();
      const outcome = capture.latest() ?? noticed;
      if (outcome.status === 'failed') await expectBreached(begun, outcome);
      else await expectMutedInTime(begun, settledMs);
      const decoded = decodeWithOurDetector(heardBetween(agentOf(call), collectingMs, settledMs));
      expect(decoded.length > 0 && outcome.status !== 'failed', 'heard, and not noticed').toBe(false);
      expect(onMs < CERTAINLY_HEARD_MS || (decoded.length > 0 && outcome.status === 'failed')).toBe(true);
      await untilStep(stack, capture.id, 'released');
      expectNothingKeyed(await readCapture(stack, capture.id));
      expect(await ledgerOf(stack, reference)).toEqual([]);
      await untilCall(stack, line, { state: 'connected', masked: false });
      await expectUnlocked(call, 'conference');
      call.hangUpCaller();
      await call.whenEnded;
    },
  );

  it.concurrent('a voice after a 0 interrupts the capture until the mute stands again', async () => {
    const line = TONE_MS.length;
    const begun = await startGuarded(line, 'voice');
    const { call, capture, reference, collectingMs } = begun;
    await undoMute(begun);
    call.caller.setSpeaking(true);
    const interrupted = await capture.until(({ interruption }) => interruption !== undefined);
    expect(interrupted).toMatchObject({ status: 'collecting', interruption: 'control_lost' });
    await vi.waitFor(() => expect(capture.latest()?.interruption).toBeUndefined(), {
      timeout: DUE_WITHIN_MS,
      interval: 20,
    });
    expect(capture.latest()?.fields[0]).toMatchObject({
      status: 'rejected',
      reason: 'interrupted',
      digits: 0,
    });

    await call.caller.key(CARD.number, { transport: 'rfc4733', onMs: 80, offMs: 80 });
    await capture.untilAccepted('card_number');
    await call.caller.key(CARD.expiry ?? '', { transport: 'rfc4733' });
    await capture.untilTaken('expiry');
    await call.caller.key(CARD.securityCode ?? '', { transport: 'rfc4733' });
    await capture.untilStatus('ready');
    const { evidence } = await submit(stack, capture, reference, CARD);
    const toMs = performance.now();
    expect(evidence.sentinel?.digits_heard).toBe(0);
    expect(stepsOf(evidence)).not.toContain('breached');
    expect(evidence.steps).toContainEqual(
      expect.objectContaining({
        step: 'doubt',
        detail: 'sound on the agent leg while the guard was closed',
      }),
    );
    expect(stepsOf(evidence)).toEqual(expect.arrayContaining(['interrupted', 'restored', 'released']));
    await expectNoKey(call, collectingMs, toMs);
    await untilCall(stack, line, { state: 'connected', masked: false });
    await expectUnlocked(call, 'conference');
    call.hangUpCaller();
    await call.whenEnded;
  });
});
