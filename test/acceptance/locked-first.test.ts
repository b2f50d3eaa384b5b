/* oxlint-disable vitest/expect-expect -- the tests share their checks: they are in the functions above them */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createNgClient } from '../../src/telephony/rtpengine/ng-client.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { RtpengineDaemon } from '../../simulators/rtpengine/daemon.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import { keyCard, startCapture, startCheckedStack, talkingCall } from '../support/acceptance.ts';
import type { FollowedCapture } from '../support/acceptance.ts';
import { expectNoKey, expectUnlocked } from '../support/agent-ear.ts';
import { APPROVED, APPROVED_TOO, charge, keyCardAgain, submit } from '../support/charge.ts';
import { holdCallRecord } from '../support/held-call.ts';
import { openNgRelay, type NgRelay } from '../support/ng-relay.ts';
import {
  callOf,
  detailOf,
  evidenceOf,
  expectNothingKeyed,
  ledgerOf,
  readCapture,
  stepsOf,
  untilCall,
  untilStep,
} from '../support/records.ts';

const SECURE_TIMEOUT_MS = 3000;
/** One command may take longer than a key is held: tests hold a command back while the caller keys. */
const RTPENGINE_TIMEOUT_MS = 2500;
/** What a refusal may take beyond the time-out: a second for undoing what was done, and the machine's own delays. */
const REFUSAL_SLACK_MS = 2500;
const HALFWAY_MS = 400;

/** The last key that a caller presses before the lock and lets go of after it. */
const STRADDLING_MS = 900;

function leg(call: SimulatedCall): string {
  if (call.agentCallId === undefined) throw new Error('the agent was not called');
  return call.agentCallId;
}

/** A call on which both sides talk, and of which the gateway knows that they do. */
async function connectedCall(stack: Stack, line: number): Promise<SimulatedCall> {
  const call = await talkingCall(stack, { line });
  await untilCall(stack, line, { state: 'connected' });
  return call;
}

async function untilListening(call: SimulatedCall): Promise<void> {
  await vi.waitFor(
    () =>
      expect(
        call.messages.filter(({ socket, message }) => socket === 'listen' && message['event'] === 'ws-open'),
      ).not.toEqual([]),
    { timeout: SECURE_TIMEOUT_MS },
  );
}

/** The capture failed before it was ever secured, in time, and what was keyed into it is nowhere. */
async function expectRefused(
  stack: Stack,
  capture: FollowedCapture,
  reference: string,
  requestedAtMs: number,
): Promise<void> {
  const failed = await capture.untilStatus('failed');
  expect(performance.now() - requestedAtMs).toBeLessThan(SECURE_TIMEOUT_MS + REFUSAL_SLACK_MS);
  expect(failed).toMatchObject({ status: 'failed', reason: 'masking_unavailable' });
  expect(
    capture.stream.events.map(({ data }) => (data as { capture: { status: string } }).capture.status),
  ).toEqual(['securing', 'failed']);
  await capture.stream.ended;
  const read = await readCapture(stack, capture.id);
  expectNothingKeyed(read);
  expect(read.ended_at).toBeDefined();
  expect(await ledgerOf(stack, reference)).toEqual([]);
}

/** Keys that come too early, at the wrong field, during a pause and too late; then the number that counts. */
async function keyAstray(
  stack: Stack,
  line: number,
  reference: string,
  transport: 'rfc4733' | 'tones',
): Promise<void> {
  const call = await connectedCall(stack, line);
  const startedMs = performance.now();
  const key = async (digits: string): Promise<void> => {
    await call.caller.key(digits, { transport, onMs: 80, offMs: 80 });
  };
  const capture = await startCapture(stack, { line, request: { reference, auto_advance: false } });
  await capture.untilStatus('collecting');
  await key('4000');
  await capture.until(({ stray_keys }) => stray_keys === 4);
  expectNothingKeyed(await readCapture(stack, capture.id));

  await capture.command('focus', 'card_number');
  await key(APPROVED.number.slice(0, 8));
  await capture.until(({ fields }) => fields[0]?.digits === 8);
  const paused = await capture.command('pause');
  expect(paused.paused).toBe('agent');
  await key('99*#');
  await capture.until(({ stray_keys }) => stray_keys === 8);
  expect((await readCapture(stack, capture.id)).fields[0]).toMatchObject({ status: 'collecting', digits: 8 });
  await capture.command('resume');
  await key(`${APPROVED.number.slice(8)}#`);
  await capture.untilAccepted('card_number');

  await capture.command('focus', 'expiry');
  await key('1230');
  await capture.untilAccepted('expiry');
  await capture.command('focus', 'security_code');
  await key('123');
  await capture.untilStatus('ready');
  await key('77');
  const ready = await capture.until(({ stray_keys }) => stray_keys === 10);
  expect(ready).toMatchObject({ status: 'ready' });
  expect(ready.fields.map(({ digits }) => digits)).toEqual([16, 4, 3]);
  const { evidence } = await submit(stack, capture, reference, APPROVED);
  expect(evidence.keys_delivered).toBe(4 + 8 + 4 + 9 + 4 + 3 + 2);
  await expectNoKey(call, startedMs);
  await expectUnlocked(call, stack.rtpengine ? 'dial' : 'conference');
  call.hangUpCaller();
  await call.whenEnded;
}

/** Keys without a field, a cancel, and then a capture that must know nothing of them. */
async function keyAndCancel(stack: Stack, line: number, reference: string): Promise<void> {
  const call = await connectedCall(stack, line);
  const capture = await startCapture(stack, { line, request: { reference, auto_advance: false } });
  await capture.untilStatus('collecting');
  await call.caller.key('4000000000000002#', { transport: 'rfc4733', onMs: 60, offMs: 60 });
  await capture.until(({ stray_keys }) => stray_keys === 17);
  const cancelled = await capture.command('cancel');
  expect(cancelled).toMatchObject({ status: 'cancelled', stray_keys: 17 });
  expectNothingKeyed(cancelled);
  await untilStep(stack, capture.id, 'released');
  await charge(stack, call, { line, reference: `${reference}-second`, card: APPROVED_TOO });
  expect(await ledgerOf(stack, reference)).toEqual([]);
  await expectUnlocked(call, stack.rtpengine ? 'dial' : 'conference');
  call.hangUpCaller();
  await call.whenEnded;
}

/**
 * Keys pressed while `holdLock` keeps the lock from being confirmed, the last one held until after it: none of them
 * counts, and what is keyed afterwards counts in full.
 */
async function keyBeforeTheLock(
  stack: Stack,
  line: number,
  reference: string,
  transport: 'rfc4733' | 'info' | 'tones',
  holdLock: (call: SimulatedCall) => Promise<{ asked(): Promise<void>; letGo(): Promise<void> }>,
): Promise<void> {
  const call = await connectedCall(stack, line);
  const hold = await holdLock(call);
  const capture = await startCapture(stack, { line, request: { reference } });
  await Promise.all([untilListening(call), hold.asked()]);
  await call.caller.key('4000', { transport, onMs: 80, offMs: 80 });
  const straddling = call.caller.key('7', { transport, onMs: STRADDLING_MS });
  await delay(HALFWAY_MS);
  expect(capture.latest()).toMatchObject({ status: 'securing', stray_keys: 0 });
  await hold.letGo();
  await capture.untilStatus('collecting');
  const lockedMs = performance.now();
  await straddling;
  // Every press has been reported by now; none went anywhere.
  await vi.waitFor(
    async () =>
      expect(await evidenceOf(stack, capture.id)).toMatchObject({ keys_delivered: 0, keys_dropped: 5 }),
    { timeout: 5000, interval: 100 },
  );
  const before = await readCapture(stack, capture.id);
  expectNothingKeyed(before);
  expect(before).toMatchObject({ status: 'collecting', stray_keys: 0 });
  await keyCard(call, capture, APPROVED, { transport });
  const { evidence } = await submit(stack, capture, reference, APPROVED);
  expect(evidence).toMatchObject({ keys_delivered: 24, keys_dropped: 5 });
  const steps = stepsOf(evidence);
  expect(steps.indexOf('locked')).toBeGreaterThan(-1);
  expect(steps.indexOf('secured')).toBeGreaterThan(steps.indexOf('locked'));
  await expectNoKey(call, lockedMs + STRADDLING_MS);
  await expectUnlocked(call, stack.rtpengine ? 'dial' : 'conference');
  call.hangUpCaller();
  await call.whenEnded;
}

describe('over the dial bridge', () => {
  let relay: NgRelay;
  let stack: Stack;
  let rtpengine: RtpengineDaemon;

  beforeAll(async () => {
    relay = await openNgRelay();
    stack = await startCheckedStack({
      bridge: 'dial',
      lines: 13,
      environment: {
        RTPENGINE_URL: relay.url,
        RTPENGINE_TIMEOUT_MS: String(RTPENGINE_TIMEOUT_MS),
        SECURE_TIMEOUT_MS: String(SECURE_TIMEOUT_MS),
      },
    });
    if (stack.rtpengine === undefined) throw new Error('a dial needs rtpengine');
    rtpengine = stack.rtpengine;
    relay.connect(rtpengine.ngUdp);
  });
  afterAll(async () => {
    await stack?.close();
    await relay?.close();
  });

  describe.concurrent('keys go nowhere', () => {
    it.each([
      [0, 'rfc4733'],
      [1, 'info'],
      [2, 'tones'],
    ] as const)('before the lock is confirmed (line %i, %s)', async (line, transport) => {
      await keyBeforeTheLock(stack, line, `before-lock-${transport}`, transport, async (call) => {
        relay.fault(leg(call), 'hold', ['block DTMF']);
        return {
          asked: async () => await vi.waitFor(() => expect(relay.held(leg(call))).toBeGreaterThan(0)),
          letGo: async () => relay.heal(leg(call)),
        };
      });
    });

    it.each([
      [3, 'rfc4733'],
      [4, 'tones'],
    ] as const)('without a field, in a pause and after ready (line %i, %s)', async (line, transport) => {
      await keyAstray(stack, line, `astray-${transport}`, transport);
    });

    it('into a capture that is cancelled', async () => {
      await keyAndCancel(stack, 5, 'cancelled');
    });
  });

  describe.concurrent('a capture is refused', () => {
    /** Commands meet `fault` until the capture has failed; then the same call is captured after all. */
    async function refuse(
      line: number,
      reference: string,
      why: RegExp,
      fault: Parameters<NgRelay['fault']>[1],
      commands?: readonly string[],
    ): Promise<void> {
      const call = await connectedCall(stack, line);
      relay.fault(leg(call), fault, commands);
      const requestedAtMs = performance.now();
      const capture = await startCapture(stack, { line, request: { reference } });
      await call.caller.key('4242', { transport: 'rfc4733', onMs: 60, offMs: 60 });
      await expectRefused(stack, capture, reference, requestedAtMs);
      const evidence = await untilStep(stack, capture.id, 'failed');
      expect(evidence).toMatchObject({ keys_delivered: 0, proof: 'engine_acknowledgement' });
      expect(detailOf(evidence, 'failed')).toMatch(why);
      expect(stepsOf(evidence)).not.toContain('secured');
      relay.heal(leg(call));
      // Nothing stays locked behind it, once rtpengine can be asked.
      await untilCall(stack, line, { masked: false });
      await expectUnlocked(call, 'dial');
      await charge(stack, call, { line, reference: `${reference}-second`, card: APPROVED_TOO });
      await expectUnlocked(call, 'dial');
      call.hangUpCaller();
      await call.whenEnded;
    }

    it('when rtpengine does not know the agent leg', async () => {
      await refuse(6, 'unknown-leg', /Unknown call-id/i, 'refuse');
    });

    it('when no command arrives', async () => {
      await refuse(7, 'all-lost', /rtpengine did not answer 'query' in time/, 'lose');
    });

    it('when the lock is confirmed and the guard is not', async () => {
      await refuse(8, 'guard-lost', /rtpengine did not answer 'silence media' in time/, 'lose', [
        'silence media',
      ]);
    });

    it('when the lock cannot even be opened again: it stays on record until it can', async () => {
      const line = 9;
      const call = await connectedCall(stack, line);
      relay.fault(leg(call), 'lose', ['silence media', 'unsilence media', 'unblock DTMF']);
      const requestedAtMs = performance.now();
      const capture = await startCapture(stack, { line, request: { reference: 'stays-locked' } });
      await expectRefused(stack, capture, 'stays-locked', requestedAtMs);
      await untilCall(stack, line, { masked: true });
      const lockedMs = performance.now();
      await call.caller.key('4242', { transport: 'rfc4733', onMs: 60, offMs: 60 });
      await delay(HALFWAY_MS);
      await expectNoKey(call, lockedMs);
      relay.heal(leg(call));
      await untilCall(stack, line, { masked: false });
      await expectUnlocked(call, 'dial');
      await charge(stack, call, { line, reference: 'stays-locked-second', card: APPROVED_TOO });
      call.hangUpCaller();
      await call.whenEnded;
    });

    it('when the agent leg was deleted in rtpengine', async () => {
      const line = 10;
      const call = await connectedCall(stack, line);
      const ng = createNgClient(`udp://${rtpengine.ngUdp.host}:${rtpengine.ngUdp.port}`, {
        logger: silentLogger,
      });
      await ng.command({ command: 'delete', 'call-id': leg(call), 'delete-delay': 0 });
      await ng.close();
      const requestedAtMs = performance.now();
      const capture = await startCapture(stack, { line, request: { reference: 'deleted-leg' } });
      await expectRefused(stack, capture, 'deleted-leg', requestedAtMs);
      const evidence = await untilStep(stack, capture.id, 'failed');
      expect(stepsOf(evidence)).not.toContain('locked');
      expect(detailOf(evidence, 'failed')).toMatch(/Unknown call-id/i);
      expect(await callOf(stack, line)).toMatchObject({ masked: false });
      call.hangUpCaller();
      await call.whenEnded;
    });
  });

  it('a stopped rtpengine refuses one capture, interrupts another, and both calls are captured after it', async () => {
    const [running, other] = await Promise.all([connectedCall(stack, 11), connectedCall(stack, 12)]);
    const startedMs = performance.now();
    const capture = await startCapture(stack, { line: 11, request: { reference: 'paused-capture' } });
    await capture.untilStatus('collecting');
    await running.caller.key('4000000', { transport: 'rfc4733' });
    await capture.until(({ fields }) => fields[0]?.digits === 7);
    await untilStep(stack, capture.id, 'guard_opened');

    await rtpengine.pause();
    const requestedAtMs = performance.now();
    const refused = await startCapture(stack, { line: 12, request: { reference: 'paused-refused' } });
    const interrupted = await capture.until(
      ({ interruption }) => interruption === 'media_server_unreachable',
    );
    expect(interrupted).toMatchObject({ status: 'collecting', paused: 'masking', focus: 'card_number' });
    expect(interrupted.fields[0]).toMatchObject({ status: 'rejected', reason: 'interrupted', digits: 0 });
    await Promise.all([
      running.caller.key('42424', { transport: 'rfc4733', onMs: 60, offMs: 60 }),
      other.caller.key('4242', { transport: 'rfc4733', onMs: 60, offMs: 60 }),
    ]);
    await expectRefused(stack, refused, 'paused-refused', requestedAtMs);
    rtpengine.resume();

    const mended = await capture.until(
      (now) => now.interruption === undefined && now.fields[0]?.reason === 'interrupted',
    );
    expect(mended).toMatchObject({ status: 'collecting', stray_keys: 0 });
    expect(mended).not.toHaveProperty('paused');
    await keyCardAgain(running, capture, APPROVED, { transport: 'rfc4733' });
    const { evidence } = await submit(stack, capture, 'paused-capture', APPROVED);
    expect(stepsOf(evidence)).toEqual(expect.arrayContaining(['interrupted', 'restored', 'released']));
    expect(evidence.keys_delivered).toBe(7 + 24);
    await expectNoKey(running, startedMs);
    await expectUnlocked(running, 'dial');

    await untilCall(stack, 12, { masked: false });
    await charge(stack, other, { line: 12, reference: 'paused-second', card: APPROVED_TOO });
    await expectUnlocked(other, 'dial');
    for (const call of [running, other]) call.hangUpCaller();
    await Promise.all([running.whenEnded, other.whenEnded]);
  });

  it('a killed rtpengine ends one capture and refuses another; after it new calls are captured', async () => {
    const [running, other] = await Promise.all([connectedCall(stack, 0), connectedCall(stack, 1)]);
    const capture = await startCapture(stack, { line: 0, request: { reference: 'killed-capture' } });
    await capture.untilStatus('collecting');
    await running.caller.key('424242', { transport: 'rfc4733' });
    await capture.until(({ fields }) => fields[0]?.digits === 6);

    await rtpengine.kill();
    const requestedAtMs = performance.now();
    const refused = await startCapture(stack, { line: 1, request: { reference: 'killed-refused' } });
    await capture.until(({ interruption }) => interruption === 'media_server_unreachable');
    await expectRefused(stack, refused, 'killed-refused', requestedAtMs);
    await rtpengine.restart();
    const lost = await capture.untilStatus('failed');
    expect(lost.reason).toBe('masking_lost');
    expectNothingKeyed(lost);
    expect(await ledgerOf(stack, 'killed-capture')).toEqual([]);
    // rtpengine knows neither call any more: there is nothing that could be locked.
    const again = await startCapture(stack, { line: 1, request: { reference: 'killed-again' } });
    await expectRefused(stack, again, 'killed-again', performance.now());
    for (const call of [running, other]) call.hangUpCaller();
    await Promise.all([running.whenEnded, other.whenEnded]);

    const next = await connectedCall(stack, 1);
    await charge(stack, next, { line: 1, reference: 'killed-next' });
    await expectUnlocked(next, 'dial');
    next.hangUpCaller();
    await next.whenEnded;
  });
});

describe('over the dial bridge with a wrong address for FreeSWITCH', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'dial',
      environment: {
        FREESWITCH_MEDIA_ADDRESSES: '192.0.2.1',
        SECURE_TIMEOUT_MS: String(SECURE_TIMEOUT_MS),
      },
    });
  });
  afterAll(async () => await stack?.close());

  it('no capture is secured, and the call goes on', async () => {
    const call = await connectedCall(stack, 0);
    const requestedAtMs = performance.now();
    const capture = await startCapture(stack, { request: { reference: 'wrong-address' } });
    await call.caller.key('4242', { transport: 'rfc4733', onMs: 60, offMs: 60 });
    await expectRefused(stack, capture, 'wrong-address', requestedAtMs);
    const evidence = await untilStep(stack, capture.id, 'failed');
    expect(stepsOf(evidence)).not.toContain('locked');
    expect(detailOf(evidence, 'failed')).toMatch(
      /no stream of the agent leg comes from a FreeSWITCH address/,
    );
    expect(evidence.keys_delivered).toBe(0);
    expect(await callOf(stack, 0)).toMatchObject({ state: 'connected', masked: false });
    await expectUnlocked(call, 'dial');
    call.hangUpCaller();
    await call.whenEnded;
  });
});

describe('over the conference bridge', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'conference',
      lines: 8,
      environment: { SECURE_TIMEOUT_MS: String(SECURE_TIMEOUT_MS) },
    });
  });
  afterAll(async () => await stack?.close());

  describe.concurrent('keys go nowhere', () => {
    it.each([
      [0, 'rfc4733'],
      [1, 'tones'],
    ] as const)('before the mute is confirmed (line %i, %s)', async (line, transport) => {
      await keyBeforeTheLock(stack, line, `before-lock-${transport}`, transport, async () => {
        const call = await untilCall(stack, line, { state: 'connected' });
        const letGo = await holdCallRecord(stack.databaseUrl, call.id);
        return { asked: async () => undefined, letGo };
      });
    });

    it.each([
      [2, 'rfc4733'],
      [3, 'tones'],
    ] as const)('without a field, in a pause and after ready (line %i, %s)', async (line, transport) => {
      await keyAstray(stack, line, `astray-${transport}`, transport);
    });

    it('into a capture that is cancelled', async () => {
      await keyAndCancel(stack, 4, 'cancelled');
    });
  });

  describe.concurrent('a capture is refused', () => {
    /** `fault` says when it is over. */
    async function refuse(
      line: number,
      reference: string,
      why: RegExp,
      fault: (call: SimulatedCall) => Promise<void> | undefined,
    ): Promise<void> {
      const call = await connectedCall(stack, line);
      const over = fault(call);
      const requestedAtMs = performance.now();
      const capture = await startCapture(stack, { line, request: { reference } });
      await call.caller.key('4242', { transport: 'rfc4733', onMs: 60, offMs: 60 });
      await expectRefused(stack, capture, reference, requestedAtMs);
      const evidence = await untilStep(stack, capture.id, 'failed');
      expect(evidence).toMatchObject({ keys_delivered: 0, proof: 'sentinel' });
      expect(detailOf(evidence, 'failed')).toMatch(why);
      expect(stepsOf(evidence)).not.toContain('secured');
      await over;
      await expectUnlocked(call, 'conference');
      await charge(stack, call, { line, reference: `${reference}-second`, card: APPROVED_TOO });
      await expectUnlocked(call, 'conference');
      call.hangUpCaller();
      await call.whenEnded;
    }

    it('when the mute has no effect', async () => {
      await refuse(5, 'mute-refused', /the agent leg did not fall silent in time/, (call) => {
        call.faults.refuseNextCommand('caller', 'conf:participant-action');
        return undefined;
      });
    });

    it('when nothing is heard of what the agent is given', async () => {
      await refuse(
        6,
        'sentinel-deaf',
        /did not fall silent in time|was not confirmed in time/,
        async (call) => {
          call.faults.stallAppSocket(SECURE_TIMEOUT_MS + REFUSAL_SLACK_MS, 'agent');
          await delay(SECURE_TIMEOUT_MS + REFUSAL_SLACK_MS);
        },
      );
    });

    it('when the lock cannot be put on record', async () => {
      const line = 7;
      const call = await connectedCall(stack, line);
      const { id } = await untilCall(stack, line, { state: 'connected' });
      const letGo = await holdCallRecord(stack.databaseUrl, id);
      const requestedAtMs = performance.now();
      const capture = await startCapture(stack, { line, request: { reference: 'no-record' } });
      await expectRefused(stack, capture, 'no-record', requestedAtMs);
      await letGo();
      expect(stepsOf(await untilStep(stack, capture.id, 'failed'))).not.toContain('locked');
      await untilCall(stack, line, { masked: false });
      await charge(stack, call, { line, reference: 'no-record-second', card: APPROVED_TOO });
      await expectUnlocked(call, 'conference');
      call.hangUpCaller();
      await call.whenEnded;
    });
  });
});
