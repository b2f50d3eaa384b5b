import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { Fault } from '../../simulators/sandbox-provider/faults.ts';
import type { LedgerEntry } from '../../simulators/sandbox-provider/ledger.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource } from '../../src/workflows/contract.ts';
import {
  keyCard,
  startCapture,
  startCheckedStack,
  talkingCall,
  type FollowedCapture,
} from '../support/acceptance.ts';

/** 4242 4242 4242 4242, Stripe's published number of a Visa that is charged. */
const APPROVED = '4242424242424242';
const AMOUNT = { value: 4200, currency: 'EUR' };
const KEYING: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 60 };
const PROVIDER_TIMEOUT_MS = 1000;

interface Attempt {
  readonly state: string;
  readonly failure: string | null;
  readonly decline_reason: string | null;
  readonly provider_token: string | null;
  readonly idempotency_key: string;
  readonly sends: number;
}

/** A card that is keyed and accepted: one click away from the provider. */
interface Prepared {
  readonly call: SimulatedCall;
  readonly capture: FollowedCapture;
  readonly reference: string;
}

describe('the provider and its faults', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'conference',
      lines: 11,
      environment: { PROVIDER_TIMEOUT_MS: String(PROVIDER_TIMEOUT_MS) },
    });
  });
  afterAll(async () => await stack?.close());

  async function prepare(
    line: number,
    reference: string,
    request: Readonly<Record<string, unknown>> = {},
    number = APPROVED,
  ): Promise<Prepared> {
    const call = await talkingCall(stack, { line });
    const capture = await startCapture(stack, { line, request: { reference, ...request } });
    await keyCard(call, capture, { number }, KEYING);
    return { call, capture, reference };
  }

  async function submit({ capture }: Prepared, status: CaptureResource['status']): Promise<CaptureResource> {
    await capture.command('submit');
    return await capture.untilStatus(status);
  }

  async function hangUp({ call }: Prepared): Promise<void> {
    call.hangUpCaller();
    await call.whenEnded;
  }

  /** What the provider has for a capture; empty when nothing was processed. */
  const entriesOf = async ({ reference }: Prepared): Promise<LedgerEntry[]> =>
    (await stack.provider.admin.ledger()).filter((entry) => entry.reference === reference);

  /** The attempts of a capture, as the gateway wrote them down. */
  async function attemptsOf({ capture }: Prepared): Promise<Attempt[]> {
    const client = new Client({ connectionString: stack.databaseUrl });
    await client.connect();
    try {
      const { rows } = await client.query<Attempt>(
        `SELECT state, failure, decline_reason, provider_token, idempotency_key, sends::int
         FROM payment_attempts WHERE capture_id = $1`,
        [capture.id],
      );
      return rows;
    } finally {
      await client.end();
    }
  }

  // Each on a line of its own, several at a time.
  describe.concurrent('an answer', () => {
    it.each(
      [
        ['4000000000000002', 'generic_decline'],
        ['4000000000009995', 'insufficient_funds'],
        ['4000000000009987', 'lost_or_stolen'],
        ['4000000000009979', 'lost_or_stolen'],
        ['4000000000000069', 'expired_card'],
        ['4000000000000127', 'incorrect_security_code'],
        ['4000000000000119', 'processing_error'],
      ].map(([number = '', reason = ''], line) => ({ number, reason, line })),
    )('that declines $number is told as $reason', async ({ number, reason, line }) => {
      const prepared = await prepare(line, `decline-${line}`, {}, number);
      const declined = await submit(prepared, 'declined');
      expect(declined.payment).toMatchObject({ status: 'declined', decline_reason: reason });
      expect(declined.payment).not.toHaveProperty('authorization_code');
      expect(await attemptsOf(prepared)).toMatchObject([{ state: 'declined', decline_reason: reason }]);
      expect(await entriesOf(prepared)).toMatchObject([
        { cardNumber: number, result: 'declined', requests: 1 },
      ]);
      await hangUp(prepared);
    });

    it.each([
      { purpose: 'charge', amount: AMOUNT, code: true, token: false, line: 7 },
      { purpose: 'authorize', amount: AMOUNT, code: true, token: false, line: 8 },
      { purpose: 'tokenize', amount: undefined, code: false, token: true, line: 9 },
      { purpose: 'charge_and_save', amount: AMOUNT, code: true, token: true, line: 10 },
    ])('that approves: $purpose', async ({ purpose, amount, code, token, line }) => {
      const prepared = await prepare(line, `approve-${purpose}`, { purpose, amount });
      const { payment } = await submit(prepared, 'succeeded');
      const [entry] = await entriesOf(prepared);
      expect(entry).toMatchObject({ purpose, cardNumber: APPROVED, result: 'succeeded', requests: 1 });
      expect(entry?.amount).toBe(amount?.value);
      const id = expect.stringMatching(/^pay_/) as unknown;
      expect(payment).toEqual({
        // Without money it is no payment.
        ...(amount && { id }),
        status: 'succeeded',
        provider_reference: entry?.chargeId,
        ...(code && { authorization_code: entry?.authorizationCode }),
        ...(token && { token: entry?.token }),
      });
      expect(await attemptsOf(prepared)).toMatchObject([
        { state: 'succeeded', provider_token: entry?.token ?? null },
      ]);
      await hangUp(prepared);
    });
  });

  /** Faults strike the provider's next request, so these go one after the other; their cards are keyed before. */
  describe('a fault', () => {
    const NAMES = [
      'lost-answer',
      'garbage',
      'late-answer',
      'hang',
      'server-error',
      'rate-limited',
      'not-processed',
      'rotated-key',
      'two-clicks',
      'no-look-up',
    ] as const;
    const prepared = new Map<string, Prepared>();

    beforeAll(async () => {
      await Promise.all(NAMES.map(async (name, line) => void prepared.set(name, await prepare(line, name))));
    });

    const take = (name: (typeof NAMES)[number]): Prepared => prepared.get(name) as Prepared;

    const fault = async (...faults: Fault[]): Promise<void> => await stack.provider.admin.setFaults(faults);

    it.each<{ name: 'lost-answer' | 'garbage' | 'late-answer'; what: string; kind: Fault }>([
      { name: 'lost-answer', what: 'that loses the answer', kind: { kind: 'lose_answer' } },
      { name: 'garbage', what: 'that answers with what cannot be read', kind: { kind: 'garbage' } },
      {
        name: 'late-answer',
        what: 'that answers too late',
        kind: { kind: 'delay', delayMs: PROVIDER_TIMEOUT_MS * 2 },
      },
    ])('$what is looked up and settled, and nothing is paid twice', async ({ name, kind }) => {
      await fault(kind);
      const { payment } = await submit(take(name), 'succeeded');
      const entries = await entriesOf(take(name));
      expect(entries).toMatchObject([{ result: 'succeeded', requests: 1 }]);
      expect(payment).toMatchObject({
        status: 'succeeded',
        provider_reference: entries[0]?.chargeId,
        authorization_code: entries[0]?.authorizationCode,
      });
      expect(await attemptsOf(take(name))).toMatchObject([
        { state: 'succeeded', failure: null, idempotency_key: entries[0]?.idempotencyKey },
      ]);
    });

    it('that never answers and processes nothing: what was never seen is sent again, under the same key', async () => {
      await fault({ kind: 'hang' });
      const { payment } = await submit(take('hang'), 'succeeded');
      expect(payment).toMatchObject({ status: 'succeeded' });
      const entries = await entriesOf(take('hang'));
      expect(entries).toMatchObject([{ result: 'succeeded', requests: 1 }]);
      expect(await attemptsOf(take('hang'))).toMatchObject([
        { state: 'succeeded', failure: null, sends: 2, idempotency_key: entries[0]?.idempotencyKey },
      ]);
    });

    it('inside the provider that does not end leaves the outcome unknown after the third time', async () => {
      await fault({ kind: 'server_error', times: 3 });
      const failed = await submit(take('server-error'), 'failed');
      expect(failed).toMatchObject({ reason: 'provider_unknown_outcome', payment: { status: 'unknown' } });
      expect(await entriesOf(take('server-error'))).toEqual([]);
      expect(await attemptsOf(take('server-error'))).toMatchObject([
        { state: 'unknown', failure: 'unknown_outcome', sends: 3 },
      ]);
    });

    it.each<{ name: 'rate-limited' | 'not-processed'; what: string; kind: Fault; failure: string }>([
      { name: 'rate-limited', what: '429', kind: { kind: 'rate_limited' }, failure: 'rate_limited' },
      {
        name: 'not-processed',
        what: '503 and the promise that nothing was processed',
        kind: { kind: 'not_processed' },
        failure: 'unavailable',
      },
    ])('$what fails the payment, for certain', async ({ name, kind, failure }) => {
      await fault(kind);
      const failed = await submit(take(name), 'failed');
      expect(failed).toMatchObject({ reason: `provider_${failure}`, payment: { status: 'failed' } });
      expect(await entriesOf(take(name))).toEqual([]);
      expect(await attemptsOf(take(name))).toMatchObject([{ state: 'failed', failure }]);
    });

    it('is none: the provider has a new envelope key', async () => {
      await stack.provider.admin.rotateKey();
      const { payment } = await submit(take('rotated-key'), 'succeeded');
      expect(payment).toMatchObject({ status: 'succeeded' });
      expect(await entriesOf(take('rotated-key'))).toMatchObject([{ cardNumber: APPROVED, requests: 1 }]);
      expect(await attemptsOf(take('rotated-key'))).toMatchObject([{ state: 'succeeded' }]);
    });

    it('is none: the agent clicks twice at once', async () => {
      await fault({ kind: 'delay', delayMs: 300 });
      const { capture } = take('two-clicks');
      const answers = await Promise.all(
        [0, 1, 2].map(async () => await stack.api.post(`/v1/captures/${capture.id}/submit`)),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
      for (const { body } of answers.filter(({ status }) => status === 409)) {
        expect(body).toMatchObject({ code: 'processing' });
      }
      await capture.untilStatus('succeeded');
      expect(await entriesOf(take('two-clicks'))).toMatchObject([{ requests: 1 }]);
      expect(await attemptsOf(take('two-clicks'))).toHaveLength(1);
      const late = await stack.api.post(`/v1/captures/${capture.id}/submit`);
      expect(late.status).toBe(409);
      expect(late.body).toMatchObject({ code: 'capture_ended' });
    });

    it('that lets no look-up through leaves the outcome unknown until a later one settles it', async () => {
      await fault({ kind: 'lose_answer' }, { kind: 'server_error', target: 'lookup', times: 100 });
      const { capture } = take('no-look-up');
      const failed = await submit(take('no-look-up'), 'failed');
      expect(failed).toMatchObject({ reason: 'provider_unknown_outcome', payment: { status: 'unknown' } });
      const [entry] = await entriesOf(take('no-look-up'));
      expect(entry).toMatchObject({ result: 'succeeded', requests: 1 });

      await Promise.all([...prepared.values()].map(hangUp));
      await fault();
      await stack.gateway().stop();
      await stack.restartGateway();
      await vi.waitFor(
        async () => {
          const { body } = await stack.api.get(`/v1/captures/${capture.id}`);
          expect(body).toMatchObject({
            status: 'failed',
            payment: {
              status: 'succeeded',
              provider_reference: entry?.chargeId,
              authorization_code: entry?.authorizationCode,
            },
          });
        },
        { timeout: 20_000, interval: 100 },
      );
      expect(await attemptsOf(take('no-look-up'))).toMatchObject([{ state: 'succeeded' }]);
      expect(await entriesOf(take('no-look-up'))).toMatchObject([{ requests: 1 }]);
    });
  });

  it('a capture that is not ready is not submitted', async () => {
    const call = await talkingCall(stack);
    const capture = await startCapture(stack);
    const early = await stack.api.post(`/v1/captures/${capture.id}/submit`);
    expect(early.status).toBe(409);
    expect(early.body).toMatchObject({ code: 'not_secured' });
    await capture.untilStatus('collecting');
    await call.caller.key(`${APPROVED}#`, KEYING);
    await capture.untilTaken('card_number');
    const answer = await stack.api.post(`/v1/captures/${capture.id}/submit`);
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: 'not_ready' });
    expect(await attemptsOf({ call, capture, reference: '' })).toEqual([]);
    await capture.command('cancel');
    await hangUp({ call, capture, reference: '' });
  });

  it('a provider that is down fails the payment, for certain: nothing was sent', async () => {
    const prepared = await prepare(0, 'down');
    await stack.provider.stop();
    const failed = await submit(prepared, 'failed');
    expect(failed).toMatchObject({ reason: 'provider_unavailable', payment: { status: 'failed' } });
    expect(await attemptsOf(prepared)).toMatchObject([{ state: 'failed', failure: 'unavailable' }]);
    await hangUp(prepared);
  });
});
