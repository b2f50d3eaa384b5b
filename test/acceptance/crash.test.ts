import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { StreamedEvent } from '../../simulators/stack/api-client.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CallResource, CaptureResource } from '../../src/workflows/contract.ts';
import {
  captureOf,
  keyCard,
  startCapture,
  startCheckedStack,
  talkingCall,
  type FollowedCapture,
} from '../support/acceptance.ts';
import { expectNoKey, expectSilence, expectUnlocked } from '../support/agent-ear.ts';
import { APPROVED, APPROVED_TOO, submit } from '../support/charge.ts';
import { expectNothingKeyed, expectProblem, ledgerOf, readCapture, untilCall } from '../support/records.ts';

type KeyedTransport = 'rfc4733' | 'tones';

const EVENTS: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 60 };
const TONES: KeyingOptions = { transport: 'tones', onMs: 80, offMs: 60 };
const keyingOf = (transport: KeyedTransport): KeyingOptions => (transport === 'tones' ? TONES : EVENTS);

/** Lines that are keyed on when the gateway dies. */
const TAKEN_OVER = [
  { line: 0, transport: 'rfc4733' },
  { line: 1, transport: 'tones' },
] as const;
const RELEASED = { line: 2, transport: 'tones' } as const;
/** The line whose payment is on its way to the provider. */
const PAYING = 3;
const PAYING_REFERENCE = 'crash-paying';

/** The gateway dies after so many of them. The rest takes the caller 3 s and more. */
const KEYS_BEFORE_CRASH = 4;
const KEYED_THROUGH = `${APPROVED.number}#12301230918273645`;
/** Long enough that the gateway is dead before the provider answers, on a busy machine too. */
const IN_FLIGHT_MS = 6000;
/** jambonz waits longer with each try to reconnect; the reconciler looks every 30 s. */
const DUE_WITHIN_MS = 45_000;

/** A capture that the crash cut off, and what its client knew. */
interface CutOff {
  readonly line: number;
  readonly call: SimulatedCall;
  readonly capture: FollowedCapture;
  readonly collectingMs: number;
}

interface Keyed extends CutOff {
  readonly transport: KeyedTransport;
}

describe.each(['dial', 'conference'] as const)('a crash over the %s bridge', (bridge) => {
  let stack: Stack;
  let keyed: readonly Keyed[];
  let paying: CutOff;
  /** What agents heard, judged after all calls: a decoder at work could hold up their audio. */
  const heard: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    // Recorded calls: what is keyed after a crash must not be in a recording either.
    stack = await startCheckedStack({ bridge, lines: 4, recording: { type: 'cloud' } });
    await crash();
    await stack.restartGateway();
  });
  afterAll(async () => await stack?.close());

  /** Four captures are under way when the gateway is killed; the callers go on keying. */
  async function crash(): Promise<void> {
    [paying, ...keyed] = await Promise.all([
      startPaying(),
      ...[...TAKEN_OVER, RELEASED].map(async ({ line, transport }) => ({
        ...(await startCollecting(line, `crash-${line}`)),
        transport,
      })),
    ]);
    await untilInFlight(stack, paying.capture.id);

    const keying = keyed.map(async ({ call, transport }) => {
      const keys = await call.caller.key(KEYED_THROUGH, keyingOf(transport));
      expect(keys).toHaveLength(KEYED_THROUGH.length);
      return keys;
    });
    await Promise.all(
      keyed.map(async ({ capture }) =>
        capture.until(({ fields }) => (fields[0]?.digits ?? 0) >= KEYS_BEFORE_CRASH),
      ),
    );
    await stack.gateway().kill();
    const killedMs = performance.now();
    const upMs = (await Promise.all(keying)).map((keys) => keys.at(-1)?.endMs ?? 0);
    // Without a process the callers went on keying.
    for (const endMs of upMs) expect(endMs - killedMs).toBeGreaterThan(1000);
    expect(await ledgerOf(stack, `crash-${RELEASED.line}`)).toEqual([]);
    // The provider has done its part before anybody can ask for it.
    await vi.waitFor(async () => expect(await ledgerOf(stack, PAYING_REFERENCE)).toHaveLength(1), {
      timeout: IN_FLIGHT_MS + DUE_WITHIN_MS,
      interval: 100,
    });
  }

  async function startCollecting(line: number, reference: string): Promise<CutOff> {
    const call = await talkingCall(stack, { line });
    await untilCall(stack, line, { state: 'connected' });
    const capture = await startCapture(stack, { line, request: { reference } });
    await capture.untilStatus('collecting');
    return { line, call, capture, collectingMs: performance.now() };
  }

  async function startPaying(): Promise<CutOff> {
    const cutOff = await startCollecting(PAYING, PAYING_REFERENCE);
    await keyCard(cutOff.call, cutOff.capture, APPROVED, EVENTS);
    await stack.provider.admin.setFaults([{ kind: 'delay', delayMs: IN_FLIGHT_MS }]);
    await cutOff.capture.command('submit');
    return cutOff;
  }

  function keyedOn(line: number): Keyed {
    const found = keyed.find((candidate) => candidate.line === line);
    if (found === undefined) throw new Error('no capture was cut off on this line');
    return found;
  }

  /** jambonz has come back to the new process, which knows of the lock; nothing was recorded meanwhile. */
  async function expectAdopted(cutOff: Keyed): Promise<CallResource> {
    const { line, call, transport, collectingMs } = cutOff;
    const adopted = await untilCall(stack, line, { state: 'connected', masked: true });
    await call.caller.key('58#', keyingOf(transport));
    const toMs = performance.now();
    heard.push(async () => {
      if (transport === 'tones') await expectSilence(call, collectingMs, toMs);
      else await expectNoKey(call, collectingMs, toMs);
    });
    expectOneRecordingBefore(cutOff);
    return adopted;
  }

  /** The recording that ran before the capture was stopped for it, and none was started since. */
  function expectOneRecordingBefore({ call, collectingMs }: CutOff): void {
    expect(call.recorderState).toBe('off');
    expect(call.recordings).toMatchObject([{ keys: [] }]);
    expect(call.recordings[0]?.stoppedAtMs).toBeLessThan(collectingMs);
  }

  async function hangUp({ call }: CutOff): Promise<void> {
    call.hangUpCaller();
    await call.whenEnded;
  }

  /** By GET and by the events that a client missed; both say the same. Returns the last event. */
  async function expectInterrupted(capture: FollowedCapture): Promise<CaptureResource> {
    await capture.stream.ended;
    const seen = capture.stream.events.at(-1) as StreamedEvent;
    expect(captureOf(seen).ended_at).toBeUndefined();
    const missed = await stack.api.follow(`/v1/captures/${capture.id}/events`, seen.id);
    await missed.ended;
    expect(missed.events.filter(({ id }) => id <= seen.id)).toEqual([]);
    const last = captureOf(missed.events.at(-1) as StreamedEvent);
    expect(last).toMatchObject({ id: capture.id, status: 'interrupted' });
    expect(last.ended_at).toBeDefined();

    const again = await stack.api.follow(`/v1/captures/${capture.id}/events`);
    await again.ended;
    const ids = again.events.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    expect(again.events.at(-1)?.data).toEqual(missed.events.at(-1)?.data);

    const read = await readCapture(stack, capture.id);
    expect(read).toMatchObject({ status: 'interrupted', ended_at: last.ended_at });
    expect(read).not.toHaveProperty('focus');
    const refusal = await stack.api.post(`/v1/captures/${capture.id}/submit`);
    expectProblem(refusal, 409, 'capture_ended');
    return last;
  }

  it.concurrent.each(TAKEN_OVER)(
    'leaves a lock that a new capture takes over and opens: $transport',
    async ({ line, transport }) => {
      const cutOff = keyedOn(line);
      const { call } = cutOff;
      const { id: callId } = await expectAdopted(cutOff);
      expectNothingKeyed(await expectInterrupted(cutOff.capture));

      const reference = `crash-again-${line}`;
      const capture = await startCapture(stack, { line, request: { reference } });
      await capture.untilStatus('collecting');
      const collectingMs = performance.now();
      expectProblem(await stack.api.post(`/v1/calls/${callId}/release`), 409, 'capture_running');
      const keys = await keyCard(call, capture, APPROVED_TOO, keyingOf(transport));
      const lastUpMs = Math.max(...keys.map(({ endMs }) => endMs));
      await submit(stack, capture, reference, APPROVED_TOO);
      expect(await ledgerOf(stack, `crash-${line}`)).toEqual([]);
      await untilCall(stack, line, { masked: false });

      const toMs = performance.now();
      heard.push(async () => {
        await expectNoKey(call, collectingMs, toMs);
        if (transport === 'tones') await expectSilence(call, collectingMs, lastUpMs);
      });
      await vi.waitFor(
        () => {
          expect(call.recorderState).toBe('on');
          expect(call.recordings).toHaveLength(2);
        },
        { timeout: DUE_WITHIN_MS, interval: 50 },
      );
      expect(call.recordings[1]?.startedAtMs).toBeGreaterThan(lastUpMs);
      await expectUnlocked(call, bridge);
      await hangUp(cutOff);
    },
  );

  it.concurrent('leaves a lock that a release opens', async () => {
    const cutOff = keyedOn(RELEASED.line);
    const { call } = cutOff;
    const { id: callId } = await expectAdopted(cutOff);
    expectNothingKeyed(await expectInterrupted(cutOff.capture));

    const refusedMs = performance.now();
    const onlyReads = stack.api.as(await stack.token(['calls:read', 'captures:write']));
    const refusal = await onlyReads.post(`/v1/calls/${callId}/release`);
    onlyReads.close();
    expect(refusal.status).toBe(403);
    await call.caller.key('8', TONES);
    const toMs = performance.now();
    heard.push(async () => await expectSilence(call, refusedMs, toMs));

    const released = await stack.api.post(`/v1/calls/${callId}/release`);
    expect(released.body).toMatchObject({ id: callId, state: 'connected', masked: false });
    expect(released.status).toBe(200);
    await expectUnlocked(call, bridge);
    expectProblem(await stack.api.post(`/v1/calls/${callId}/release`), 409, 'call_not_masked');
    await vi.waitFor(() => expect(call.recordings).toHaveLength(2), { timeout: DUE_WITHIN_MS, interval: 50 });
    expect(await ledgerOf(stack, `crash-${RELEASED.line}`)).toEqual([]);
    await hangUp(cutOff);
  });

  it.concurrent('in mid-payment: the outcome is asked for, and nothing is sent twice', async () => {
    const { capture, call } = paying;
    await untilCall(stack, PAYING, { state: 'connected', masked: true });
    const interrupted = await expectInterrupted(capture);
    expect(interrupted.payment).toEqual({
      id: expect.stringMatching(/^pay_/) as unknown,
      status: 'unknown',
    });
    await vi.waitFor(
      async () => {
        const { status, payment } = await readCapture(stack, capture.id);
        expect({ status, payment }).toMatchObject({
          status: 'interrupted',
          payment: { status: 'succeeded', authorization_code: expect.any(String) as unknown },
        });
      },
      { timeout: DUE_WITHIN_MS, interval: 200 },
    );
    expect(await ledgerOf(stack, PAYING_REFERENCE)).toMatchObject([
      { cardNumber: APPROVED.number, expiry: '1230', securityCode: '123', requests: 1, result: 'succeeded' },
    ]);
    expect(await attemptsOf(stack, capture.id)).toMatchObject([{ state: 'succeeded' }]);
    // A payment that is settled opens no lock.
    await untilCall(stack, PAYING, { masked: true });
    const toMs = performance.now();
    heard.push(async () => await expectNoKey(call, paying.collectingMs, toMs));
    expectOneRecordingBefore(paying);
    await hangUp(paying);
  });

  it('no agent was given a key at any time', async () => {
    expect(heard).toHaveLength(7);
    for (const judge of heard) await judge();
  });
});

interface Attempt {
  readonly state: string;
  readonly idempotency_key: string;
}

/** The attempts of a capture, as the gateway wrote them down. */
async function attemptsOf({ databaseUrl }: Stack, captureId: string): Promise<Attempt[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Attempt>(
      'SELECT state, idempotency_key FROM payment_attempts WHERE capture_id = $1',
      [captureId],
    );
    return rows;
  } finally {
    await client.end();
  }
}

/** Resolves once the provider says of the capture's only attempt that it is being processed. */
async function untilInFlight(stack: Stack, captureId: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const [attempt] = await attemptsOf(stack, captureId);
      expect(attempt).toMatchObject({ state: 'processing' });
      expect(await lookupStatus(stack, attempt?.idempotency_key ?? '')).toBe(409);
    },
    { timeout: IN_FLIGHT_MS, interval: 50 },
  );
}

/** The provider's own answer to a look-up: 404 for what never came, 409 for what it is processing. */
async function lookupStatus({ pki, provider }: Stack, idempotencyKey: string): Promise<number | undefined> {
  const [ca, cert, key] = await Promise.all([
    readFile(pki.ca.certificate),
    readFile(pki.client.certificate),
    readFile(pki.client.key),
  ]);
  const url = new URL(`/v1/payments/by-idempotency-key/${idempotencyKey}`, provider.url);
  return await new Promise((resolve, reject) => {
    const request = httpsRequest(url, { ca, cert, key, agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end();
  });
}
