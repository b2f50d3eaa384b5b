/* oxlint-disable vitest/expect-expect -- the tests share their checks: they are in the functions above them */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { CallEnder, SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource, EvidenceResource } from '../../src/workflows/contract.ts';
import {
  captureOf,
  keyCard,
  startCapture,
  startCheckedStack,
  talkingCall,
  type FollowedCapture,
} from '../support/acceptance.ts';
import { expectNoKey, expectUnlocked } from '../support/agent-ear.ts';
import { APPROVED, submit } from '../support/charge.ts';
import {
  callOf,
  detailOf,
  evidenceOf,
  expectNothingKeyed,
  expectProblem,
  ledgerOf,
  readCapture,
  stepsOf,
  untilCall,
  untilStep,
} from '../support/records.ts';

/** At this speed the audio between two keys is enough to show that no tone leads them: the phone is trusted. */
const KEYING: KeyingOptions = { transport: 'rfc4733', onMs: 100, offMs: 100 };
/** So much of the card number is keyed when something goes wrong. */
const BEGUN = APPROVED.number.slice(0, 6);
const REST = APPROVED.number.slice(6);
/** Longer than the 400 ms after which a silent listen socket counts as lost. */
const STALL_MS = 4000;
const AGENT_TIMEOUT_SECONDS = 5;
const DUE_WITHIN_MS = 20_000;

/** A line each; no two tests share one. */
const LINE = {
  appDropped: 0,
  listenDropped: 1,
  listenStalled: 2,
  callerHangsUp: 3,
  agentHangsUp: 4,
  agentKilled: 5,
  malformed: 6,
  renegotiated: 7,
  replaced: 8,
  busy: 9,
  unanswered: 10,
  givenUp: 11,
  strangers: 12,
  appStalled: 13,
} as const;

/** More than the gateway takes for a frame of jambonz, less than it refuses to read at all. */
const TOO_LARGE_BYTES = 300 * 1024;
/** What is no frame of jambonz, and how the gateway calls it in its log. */
const MALFORMED = [
  { frame: '{"type":"session:new"', reason: 'not_json' },
  { frame: Buffer.from([0, 1, 2, 255]), reason: 'binary' },
  { frame: JSON.stringify({ type: 'call:status', data: {} }), reason: 'no_type_or_msgid' },
  {
    frame: JSON.stringify({ type: 'call:status', msgid: '1', data: 'x'.repeat(TOO_LARGE_BYTES) }),
    reason: 'too_large',
  },
] as const;

interface Begun {
  readonly line: number;
  readonly reference: string;
  readonly call: SimulatedCall;
  readonly capture: FollowedCapture;
  readonly collectingMs: number;
}

const isGuarding = (step: string): boolean =>
  step === 'doubt' || step === 'guard_closed' || step === 'guard_opened';

const cardNumber = ({ fields }: CaptureResource): CaptureResource['fields'][number] | undefined =>
  fields.find(({ field }) => field === 'card_number');

/** What the capture said it was interrupted by, each once and in order. */
function interruptionsOf(capture: FollowedCapture): string[] {
  const said = capture.stream.events.map((event) => captureOf(event).interruption);
  return said.filter((reason, at) => reason !== undefined && reason !== said[at - 1]) as string[];
}

/** The control sockets of a leg that ended, by their close codes. */
const closeCodes = (call: SimulatedCall): unknown[] =>
  call.messages
    .filter(({ socket, message }) => socket !== 'listen' && message['event'] === 'ws-close')
    .map(({ message }) => message['code']);

describe.each(['dial', 'conference'] as const)('faults over the %s bridge', (bridge) => {
  let stack: Stack;
  /** What agents heard, judged after all calls: a decoder at work could hold up their audio. */
  const heard: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge,
      lines: Object.keys(LINE).length,
      environment: { AGENT_TIMEOUT_SECONDS: String(AGENT_TIMEOUT_SECONDS) },
    });
  });
  afterAll(async () => await stack?.close());

  async function startCollecting(line: number, reference: string): Promise<Begun> {
    const call = await talkingCall(stack, { line });
    await untilCall(stack, line, { state: 'connected', masked: false });
    const capture = await startCapture(stack, { line, request: { reference } });
    await capture.untilStatus('collecting');
    return { line, reference, call, capture, collectingMs: performance.now() };
  }

  /** The same, with the beginning of a card number keyed. */
  async function startKeying(line: number, reference: string): Promise<Begun> {
    const begun = await startCollecting(line, reference);
    await begun.call.caller.key(BEGUN, KEYING);
    await begun.capture.until((capture) => cardNumber(capture)?.digits === BEGUN.length);
    return begun;
  }

  /** The phone showed that it sends events: resolves once the guard is open for good, the caller saying nothing. */
  async function startTrusted(line: number, reference: string): Promise<Begun> {
    const begun = await startKeying(line, reference);
    begun.call.caller.setSpeaking(false);
    await vi.waitFor(
      async () => {
        const guarding = stepsOf(await evidenceOf(stack, begun.capture.id)).filter(isGuarding);
        expect(guarding.at(-1)).toBe('guard_opened');
      },
      { timeout: DUE_WITHIN_MS, interval: 50 },
    );
    return begun;
  }

  /** Resolves once masking is confirmed again; what was keyed of the number is gone then. */
  async function untilRestored({ capture }: Begun, reason: string): Promise<void> {
    const interrupted = await capture.until(({ interruption }) => interruption !== undefined);
    expect(interrupted).toMatchObject({ status: 'collecting', interruption: reason, focus: 'card_number' });
    const since = capture.stream.events.length;
    await vi.waitFor(() => expect(capture.latest()?.interruption).toBeUndefined(), {
      timeout: DUE_WITHIN_MS,
      interval: 20,
    });
    expect(capture.stream.events.length).toBeGreaterThanOrEqual(since);
    const restored = capture.latest() as CaptureResource;
    expect(restored).toMatchObject({ status: 'collecting', focus: 'card_number' });
    expect(restored).not.toHaveProperty('paused');
    expect(cardNumber(restored)).toMatchObject({
      status: 'rejected',
      reason: 'interrupted',
      digits: 0,
      attempts: 0,
    });
    expect(cardNumber(restored)).not.toHaveProperty('last4');
  }

  /** What is left to key after the card number; then the payment, and a call without any lock. */
  async function finish(begun: Begun, digits: string): Promise<EvidenceResource> {
    const { call, capture, line, reference, collectingMs } = begun;
    await call.caller.key(`${digits}#`, KEYING);
    await capture.untilAccepted('card_number');
    await call.caller.key('1230', KEYING);
    await capture.untilTaken('expiry');
    await call.caller.key('123', KEYING);
    await capture.untilStatus('ready');
    return await pay({ call, capture, line, reference, collectingMs });
  }

  async function pay(begun: Begun): Promise<EvidenceResource> {
    const { call, capture, line, reference, collectingMs } = begun;
    const { evidence } = await submit(stack, capture, reference, APPROVED);
    const toMs = performance.now();
    heard.push(async () => await expectNoKey(call, collectingMs, toMs));
    await untilCall(stack, line, { state: 'connected', masked: false });
    await expectUnlocked(call, bridge);
    call.hangUpCaller();
    await call.whenEnded;
    await untilNoCall(line);
    return evidence;
  }

  async function untilNoCall(line: number): Promise<void> {
    await vi.waitFor(async () => expect(await callOf(stack, line)).toBeUndefined(), {
      timeout: DUE_WITHIN_MS,
      interval: 100,
    });
  }

  /** The masking was interrupted once and confirmed again, with the guard closed in between. */
  function expectInterruptedOnce(evidence: EvidenceResource, fault: string, doubt: string): void {
    const steps = stepsOf(evidence);
    expect(steps.filter((step) => step === 'interrupted')).toHaveLength(1);
    expect(detailOf(evidence, 'interrupted')).toBe(fault);
    const at = steps.indexOf('interrupted');
    const restoredAt = steps.indexOf('restored');
    expect(restoredAt).toBeGreaterThan(at);
    expect(steps.lastIndexOf('released')).toBeGreaterThan(restoredAt);
    // The guard was open; it is closed until masking is confirmed again.
    const between = evidence.steps.slice(at, restoredAt);
    expect(between).toContainEqual(expect.objectContaining({ step: 'doubt', detail: doubt }));
    expect(steps.slice(restoredAt)).not.toContain('breached');
    expect(steps).not.toContain('failed');
  }

  function expectNotInterrupted(capture: FollowedCapture, evidence: EvidenceResource): void {
    expect(interruptionsOf(capture)).toEqual([]);
    expect(stepsOf(evidence)).not.toContain('interrupted');
  }

  async function expectAbandoned(begun: Begun, reason: string, by: CallEnder): Promise<void> {
    const { call, capture, line, reference, collectingMs } = begun;
    const abandoned = await capture.untilStatus('abandoned');
    expect(abandoned).toMatchObject({ status: 'abandoned', reason });
    expect(await call.whenEnded).toEqual({ by });
    const toMs = performance.now();
    heard.push(async () => await expectNoKey(call, collectingMs, toMs));
    await capture.stream.ended;
    const read = await readCapture(stack, capture.id);
    expect(read).toMatchObject({ status: 'abandoned', reason });
    expect(read.ended_at).toBeDefined();
    expect(read).not.toHaveProperty('focus');
    expect(read).not.toHaveProperty('payment');
    expectNothingKeyed(read);
    const refusal = await stack.api.post(`/v1/captures/${capture.id}/submit`);
    expectProblem(refusal, 409, 'capture_ended');
    const evidence = await untilStep(stack, capture.id, 'released');
    expect(stepsOf(evidence)).toEqual(expect.arrayContaining(['locked', 'guard_closed', 'secured']));
    expect(detailOf(evidence, 'released')).toBe(`the call ended: ${reason}`);
    expect(await ledgerOf(stack, reference)).toEqual([]);
    await untilNoCall(line);
  }

  it.concurrent('goes on when the control socket is dropped in mid-capture', async () => {
    const begun = await startTrusted(LINE.appDropped, `${bridge}-app-dropped`);
    const { call, capture } = begun;
    call.faults.dropAppSocket();
    if (bridge === 'dial') {
      // Lock and listening do not need jambonz's ear: the caller goes on keying.
      expectNotInterrupted(capture, await finish(begun, REST));
    } else {
      await untilRestored(begun, 'control_lost');
      expectInterruptedOnce(await finish(begun, APPROVED.number), 'control_lost', 'media_server_unreachable');
    }
    expect(closeCodes(call)).toContain(1006);
  });

  it.concurrent('goes on while the control socket is stalled', async () => {
    const begun = await startTrusted(LINE.appStalled, `${bridge}-app-stalled`);
    begun.call.faults.stallAppSocket(STALL_MS);
    // What jambonz is told meanwhile it does later: the call is released then, and not before.
    expectNotInterrupted(begun.capture, await finish(begun, REST));
    expect(closeCodes(begun.call)).not.toContain(1006);
  });

  it.concurrent.each([
    { name: 'dropped', line: LINE.listenDropped },
    { name: 'stalled', line: LINE.listenStalled },
  ] as const)('listens anew when the listen socket is $name', async ({ name, line }) => {
    const begun = await startTrusted(line, `${bridge}-listen-${name}`);
    if (name === 'dropped') begun.call.faults.dropListenSocket();
    else begun.call.faults.stallListenSocket(STALL_MS);
    await untilRestored(begun, 'listen_lost');
    const evidence = await finish(begun, APPROVED.number);
    expect(interruptionsOf(begun.capture)).toEqual(['listen_lost']);
    expectInterruptedOnce(evidence, 'listen_lost', 'listen_lost');
  });

  it.concurrent('ends the capture when the caller hangs up', async () => {
    const begun = await startKeying(LINE.callerHangsUp, `${bridge}-caller-hangs-up`);
    begun.call.hangUpCaller();
    await expectAbandoned(begun, 'caller_hung_up', 'caller');
  });

  it.concurrent('ends the capture when the agent hangs up', async () => {
    const begun = await startKeying(LINE.agentHangsUp, `${bridge}-agent-hangs-up`);
    begun.call.hangUpAgent();
    await expectAbandoned(begun, 'agent_hung_up', 'agent');
  });

  it.concurrent('ends the capture when the agent leg is lost', async () => {
    const begun = await startKeying(LINE.agentKilled, `${bridge}-agent-killed`);
    begun.call.faults.killLeg('agent');
    await expectAbandoned(begun, 'agent_hung_up', 'agent');
  });

  it.concurrent('refuses malformed frames, survives them and goes on with the call', async () => {
    const begun = await startCollecting(LINE.malformed, `${bridge}-malformed`);
    const { call, capture } = begun;
    const gateway = stack.gateway();
    for (const [done, { frame, reason }] of MALFORMED.entries()) {
      call.faults.sendRawToApp(frame);
      await vi.waitFor(
        () => {
          expect(closeCodes(call).filter((code) => code === 1007)).toHaveLength(done + 1);
          const line = gateway.log.findLast((text) => text.includes('a malformed control frame was refused'));
          expect(JSON.parse(line ?? '{}')).toMatchObject({ reason, count: done + 1 });
          const back = call.messages.filter(({ message }) => message['type'] === 'session:reconnect');
          expect(back).toHaveLength(done + 1);
        },
        { timeout: DUE_WITHIN_MS, interval: 20 },
      );
    }
    await vi.waitFor(() => expect(capture.latest()?.interruption).toBeUndefined(), {
      timeout: DUE_WITHIN_MS,
      interval: 20,
    });
    expect(stack.gateway().pid).toBe(gateway.pid);
    await keyCard(call, capture, APPROVED, KEYING);
    const evidence = await pay(begun);
    expect(new Set(interruptionsOf(capture))).toEqual(new Set(bridge === 'dial' ? [] : ['control_lost']));
    expect(stepsOf(evidence).includes('interrupted')).toBe(bridge === 'conference');
    expect(gateway.log.filter((text) => text.includes('a malformed control frame'))).toHaveLength(
      MALFORMED.length,
    );
  });

  it.concurrent('masks on while the agent leg is re-negotiated under the keys', async () => {
    const begun = await startKeying(LINE.renegotiated, `${bridge}-renegotiated`);
    const [evidence] = await Promise.all([finish(begun, REST), begun.call.faults.renegotiateAgent()]);
    expectNotInterrupted(begun.capture, evidence);
  });

  // Only a dial has an agent leg that can be replaced under it.
  const replaceable = bridge === 'dial' ? [bridge] : [];
  it.concurrent.each(replaceable)('masks a new agent leg before any key counts again: %s', async () => {
    const begun = await startTrusted(LINE.replaced, 'replaced');
    const before = begun.call.agentCallId;
    const restored = untilRestored(begun, 'leg_renegotiated');
    await Promise.all([begun.call.faults.replaceAgentLeg(), restored]);
    expect(begun.call.agentCallId).not.toBe(before);
    begun.call.agent?.setSpeaking(true);
    const evidence = await finish(begun, APPROVED.number);
    expect(interruptionsOf(begun.capture)).toEqual(['leg_renegotiated']);
    expectInterruptedOnce(evidence, 'leg_renegotiated', 'leg_renegotiated');
  });

  /** A call whose agent does not answer, and its name while it rings. */
  async function ringingCall(line: number): Promise<[SimulatedCall, string]> {
    const call = await stack.call({ line, unanswered: true, agent: { onRing: 'ignore' } });
    const { id } = await untilCall(stack, line, { state: 'ringing', masked: false });
    const refusal = await stack.api.post('/v1/captures', { call_id: id, ...CHARGE });
    expectProblem(refusal, 409, 'call_not_connected');
    return [call, id];
  }

  async function expectNoCallToCapture(line: number, callId?: string): Promise<void> {
    await untilNoCall(line);
    const named = callId === undefined ? [] : [{ call_id: callId }];
    for (const whose of [{ agent_id: stack.lines[line]?.agentId }, ...named]) {
      const refusal = await stack.api.post('/v1/captures', { ...whose, ...CHARGE });
      expectProblem(refusal, 404, 'call_not_found');
    }
  }

  it.concurrent('has no call to capture when the agent is busy', async () => {
    const call = await stack.call({ line: LINE.busy, unanswered: true, agent: { onRing: 'busy' } });
    await call.whenEnded;
    await expectNoCallToCapture(LINE.busy);
    // A conference has answered the caller before it calls the agent.
    expect(call.callerFinal).toBe(bridge === 'dial' ? 486 : 200);
  });

  it.concurrent('has no call to capture when the agent does not answer', async () => {
    const [call, id] = await ringingCall(LINE.unanswered);
    await call.whenEnded;
    await expectNoCallToCapture(LINE.unanswered, id);
    expect(call.agent?.telephoneEventsHeard()).toEqual([]);
  });

  it.concurrent('has no call to capture when the caller gives up', async () => {
    const [call, id] = await ringingCall(LINE.givenUp);
    call.hangUpCaller();
    expect(await call.whenEnded).toEqual({ by: 'caller' });
    await expectNoCallToCapture(LINE.givenUp, id);
  });

  it.concurrent('lets no stranger in at the doors of jambonz', async () => {
    const begun = await startCollecting(LINE.strangers, `${bridge}-strangers`);
    const listen = listenOf(begun.call);
    const { url, auth } = listen;
    const { origin } = new URL(url);
    const secret = 'A'.repeat(32);
    const control = `${origin}/jambonz`;
    const wrong = `${auth.split(':')[0] ?? ''}:wrong`;
    const refused = async (to: string, credentials: string | undefined, protocol: string): Promise<unknown> =>
      await knock(stack, to, credentials, protocol);
    for (const credentials of [undefined, wrong, 'stranger:stranger']) {
      expect(await refused(control, credentials, 'ws.jambonz.org')).toBe(401);
      expect(await refused(`${control}/agent/${secret}`, credentials, 'ws.jambonz.org')).toBe(401);
      expect(await refused(url, credentials, 'audio.drachtio.org')).toBe(401);
    }
    expect(await refused(`${origin}/elsewhere`, auth, 'ws.jambonz.org')).toBe(404);
    expect(await refused(`${origin}/listen/${secret}`, auth, 'audio.drachtio.org')).toBe(404);
    // The path is right and in use: it is good for one socket only.
    expect(await refused(url, auth, 'audio.drachtio.org')).toBe(404);
    expect(interruptionsOf(begun.capture)).toEqual([]);
    await finish(begun, APPROVED.number);
    const log = stack.gateway().log.join('\n');
    for (const unsaid of [secret, new URL(url).pathname]) expect(log).not.toContain(unsaid);
  });

  it('no agent was given a key at any time', async () => {
    expect(heard).toHaveLength(bridge === 'dial' ? 11 : 10);
    for (const judge of heard) await judge();
  });
});

const CHARGE = { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } } as const;

/** The caller's listen as the gateway asked for it: the address, and `user:password` that jambonz is to present. */
function listenOf(call: SimulatedCall): { readonly url: string; readonly auth: string } {
  for (const { direction, callSid, message } of call.messages) {
    const data = message['data'] as Readonly<Record<string, unknown>> | undefined;
    const listen = data?.['listen'] as
      { url?: string; wsAuth?: { username: string; password: string } } | undefined;
    if (direction !== 'app->jambonz' || callSid !== call.callSid) continue;
    if (listen?.url === undefined || listen.wsAuth === undefined) continue;
    return { url: listen.url, auth: `${listen.wsAuth.username}:${listen.wsAuth.password}` };
  }
  throw new Error('the gateway did not ask to listen');
}

/** The status with which a socket is refused; rejects when it is let in. */
async function knock(
  { caCertificate }: Stack,
  url: string,
  auth: string | undefined,
  protocol: string,
): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [protocol], {
      ca: caCertificate,
      ...(auth !== undefined && { auth }),
    });
    socket.on('unexpected-response', (request, response) => {
      response.resume();
      resolve(response.statusCode);
      request.destroy();
    });
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('a stranger was let in'));
    });
    socket.on('error', reject);
  });
}
