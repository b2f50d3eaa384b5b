import { expect, it } from 'vitest';
import type { FaultKind } from '../../../simulators/doubles/faults.ts';
import type { PaymentOutcome, PaymentProvider, PaymentRequest } from '../../../src/payments/contract.ts';
import { deadUrl, type Bench } from './bench.ts';
import type { ConformanceDouble, ConformanceSubject } from './subject.ts';

/** Faults that leave the gateway without an answer, of a request that was processed or not. */
const ANSWER_LOST: readonly FaultKind[] = [
  'drop',
  'lose_answer',
  'garbage',
  'truncated',
  'too_long',
  'server_error_after',
];

export function describeFailures<D extends ConformanceDouble>(
  subject: ConformanceSubject<D>,
  bench: () => Bench<D>,
): void {
  const { purposes } = subject.capabilities;
  const { reusedKey = 'invalid_request' } = subject;

  /** After this the gateway is certain, and the provider has done it once. */
  const expectSettled = async (provider: PaymentProvider, request: PaymentRequest): Promise<void> => {
    const outcome = await bench().settle(provider, request);
    expect(outcome).toMatchObject({ result: 'succeeded' });
    expect(await bench().ledgerOf(request.idempotencyKey)).toMatchObject([{ result: 'succeeded' }]);
    expect(await bench().double.ledger()).toHaveLength(1);
  };

  const first = async (): Promise<{ provider: PaymentProvider; request: PaymentRequest }> => {
    const provider = await bench().connect();
    return { provider, request: bench().request(bench().purpose) };
  };

  it('tells wrong credentials', async () => {
    const provider = await bench().connect({ wrongCredentials: true });
    expect(await bench().failure(provider.pay(bench().request(bench().purpose)))).toBe('authentication');
    expect(await bench().double.ledger()).toEqual([]);
  });

  it('tells 429, and the same key serves later', async () => {
    const { provider, request } = await first();
    await bench().double.setFaults([{ kind: 'rate_limited' }]);
    expect(await bench().failure(provider.pay(request))).toBe('rate_limited');
    expect(await bench().double.ledger()).toEqual([]);
    expect(await provider.pay(request)).toMatchObject({ result: 'succeeded' });
    expect(await bench().double.ledger()).toHaveLength(1);
  });

  it.each([500, 502, 503, 504])('tells %i, and settles it', async (status) => {
    const { provider, request } = await first();
    await bench().double.setFaults([{ kind: 'server_error', status }]);
    expect(await bench().failure(provider.pay(request))).toBe(subject.serverError ?? 'unknown_outcome');
    await expectSettled(provider, request);
  });

  it.each(ANSWER_LOST)(
    'does not know what became of a request whose fault is %s, and settles it',
    async (kind) => {
      const { provider, request } = await first();
      await bench().double.setFaults([{ kind }]);
      expect(await bench().failure(provider.pay(request))).toBe('unknown_outcome');
      await expectSettled(provider, request);
    },
  );

  it.each(['hang', 'hang_after'] as const)(
    'does not wait longer than its time-out for %s, and settles it',
    async (kind) => {
      const { provider, request } = await first();
      await bench().double.setFaults([{ kind }]);
      const attempt = bench().failure(provider.pay(request));
      await bench().untilSeen('pay');
      bench().clock.runOut();
      expect(await attempt).toBe('unknown_outcome');
      await expectSettled(provider, request);
    },
  );

  it('does it once when the gateway gives up while the provider still works', async () => {
    const { provider, request } = await first();
    await bench().double.setFaults([{ kind: 'delay', delayMs: 300 }]);
    const attempt = bench().failure(provider.pay(request));
    await bench().untilSeen('pay');
    bench().clock.runOut();
    expect(await attempt).toBe('unknown_outcome');
    // At once: the provider is still at it, so this may fail too, but never moves money twice.
    const again: PaymentOutcome | string = await provider
      .pay(request)
      .catch((error: { failure: string }) => error.failure);
    expect([{ result: 'succeeded' }, 'unknown_outcome', 'rate_limited']).toContainEqual(
      typeof again === 'string' ? again : { result: again.result },
    );
    await expect.poll(() => bench().double.ledger()).toHaveLength(1);
    await expectSettled(provider, request);
  });

  it('knows that nothing was sent when nobody listens', async () => {
    const provider = await bench().connect({ url: await deadUrl() });
    expect(await bench().failure(provider.pay(bench().request(bench().purpose)))).toBe('unavailable');
    expect(await bench().double.ledger()).toEqual([]);
  });

  it('does it once when it is asked for twice under the same key', async () => {
    const { provider, request } = await first();
    const outcome = await provider.pay(request);
    expect(await provider.pay(request)).toEqual(outcome);
    expect(await bench().double.ledger()).toHaveLength(1);
  });

  it('does it once when it is asked for twice at once', async () => {
    const { provider, request } = await first();
    await Promise.allSettled([provider.pay(request), provider.pay(request), provider.pay(request)]);
    expect(await bench().double.ledger()).toHaveLength(1);
    await expectSettled(provider, request);
  });

  // Every purpose but one has an amount.
  it.each(purposes.filter((purpose) => purpose !== 'tokenize'))(
    'does not take another amount of %s under the same key',
    async (purpose) => {
      const provider = await bench().connect();
      const request = bench().request(purpose);
      const outcome = await provider.pay(request);
      const attempt = provider.pay({ ...request, amount: { value: 99, currency: 'EUR' } });
      const told = reusedKey === 'replay' ? await attempt : await bench().failure(attempt);
      expect(told).toEqual(reusedKey === 'replay' ? outcome : reusedKey);
      expect(await bench().double.ledger()).toHaveLength(1);
    },
  );
}
