import { expect, it } from 'vitest';
import type { FaultKind } from '../../../simulators/doubles/faults.ts';
import type { Modification, Purpose } from '../../../src/payments/contract.ts';
import { AMOUNT, deadUrl, REFUSED, type Bench } from './bench.ts';
import type { ConformanceDouble, ConformanceSubject } from './subject.ts';

const MODIFICATIONS: readonly Modification[] = ['capture', 'void', 'refund'];

/** What a payment must be before it can be modified so. */
const BEFORE: Readonly<Record<Modification, Purpose>> = {
  capture: 'authorize',
  void: 'authorize',
  refund: 'charge',
};

export function describeModifications<D extends ConformanceDouble>(
  subject: ConformanceSubject<D>,
  bench: () => Bench<D>,
): void {
  const { modifications, purposes, partialAmounts, recovery } = subject.capabilities;
  const can = (modification: Modification): boolean =>
    modifications.includes(modification) && purposes.includes(BEFORE[modification]);
  const possible = MODIFICATIONS.filter(can);
  const withAmount = possible.filter((modification) => modification !== 'void');
  const refusesAtOnce = subject.refusesAtOnce ?? true;

  it.each(possible)(
    'does %s once, also when it is asked for twice under the same key',
    async (modification) => {
      const provider = await bench().connect();
      const payment = await bench().authorized(provider, BEFORE[modification]);
      const request = payment.modify(modification);
      const outcome = await provider.modify(request);
      expect(outcome).toMatchObject({ result: 'succeeded' });
      expect(await provider.modify(request)).toEqual(outcome);
      expect(await bench().ledgerOf(request.idempotencyKey)).toMatchObject([
        {
          operation: modification,
          result: 'succeeded',
          ...(modification !== 'void' && { amount: AMOUNT.value }),
        },
      ]);
      expect(await bench().double.ledger()).toHaveLength(2);
      if (provider.capabilities.recovery !== 'lookup') return;
      expect(await provider.lookup(bench().queryOf(request))).toMatchObject({ result: 'succeeded' });
    },
  );

  it.each(MODIFICATIONS.filter((modification) => !modifications.includes(modification)))(
    'refuses %s, which it does not claim, and sends nothing',
    async (modification) => {
      const provider = await bench().connect();
      const request = {
        modification,
        idempotencyKey: bench().newKey(),
        providerReference: 'pay_1',
        authorized: AMOUNT,
        ...(modification !== 'void' && { amount: AMOUNT }),
      };
      expect(await bench().unclaimed(() => provider.modify(request))).toEqual(REFUSED);
    },
  );

  it.each(partialAmounts ? withAmount : [])('does %s in part', async (modification) => {
    const provider = await bench().connect();
    const payment = await bench().authorized(provider, BEFORE[modification]);
    const parts = modification === 'refund' ? [250, 500, 500] : [800];
    for (const part of parts) {
      const request = payment.modify(modification, part);
      expect(await provider.modify(request)).toMatchObject({ result: 'succeeded' });
      expect(await bench().ledgerOf(request.idempotencyKey)).toMatchObject([{ amount: part }]);
    }
    expect(await bench().double.ledger()).toHaveLength(1 + parts.length);
  });

  it.each(partialAmounts && refusesAtOnce ? withAmount : [])(
    'refuses %s of what is not left any more',
    async (modification) => {
      const provider = await bench().connect();
      const payment = await bench().authorized(provider, BEFORE[modification]);
      await provider.modify(payment.modify(modification, 1000));
      const outcome = await provider.modify(payment.modify(modification, 251));
      expect(outcome).toMatchObject({ result: 'declined', reason: 'not_modifiable' });
    },
  );

  it.each(refusesAtOnce ? withAmount : [])('refuses %s of more than there is', async (modification) => {
    const provider = await bench().connect();
    const payment = await bench().authorized(provider, BEFORE[modification]);
    const outcome = await provider.modify(payment.modify(modification, AMOUNT.value + 1));
    expect(outcome).toMatchObject({ result: 'declined', reason: 'not_modifiable' });
    expect(outcome).toHaveProperty('rawCode', expect.stringMatching(/\S/));
    expect(await provider.modify(payment.modify(modification))).toMatchObject({ result: 'succeeded' });
  });

  it.each(refusesAtOnce && can('void') ? possible : [])(
    'refuses %s of a payment that was voided',
    async (modification) => {
      const provider = await bench().connect();
      const payment = await bench().authorized(provider);
      await provider.modify(payment.modify('void'));
      const outcome = await provider.modify(payment.modify(modification));
      expect(outcome).toMatchObject({ result: 'declined', reason: 'not_modifiable' });
    },
  );

  it.each(
    possible.flatMap((modification) =>
      (['drop', 'lose_answer', 'garbage', 'truncated', 'server_error', 'server_error_after'] as const).map(
        (kind: FaultKind) => ({ modification, kind }),
      ),
    ),
  )(
    'does not know what became of $modification after $kind, and settles it',
    async ({ modification, kind }) => {
      const provider = await bench().connect();
      const payment = await bench().authorized(provider, BEFORE[modification]);
      const request = payment.modify(modification);
      await bench().double.setFaults([{ kind, target: 'modify' }]);
      expect(await bench().failure(provider.modify(request))).toBe('unknown_outcome');
      expect(await bench().settleModification(provider, request)).toMatchObject({ result: 'succeeded' });
      expect(await bench().ledgerOf(request.idempotencyKey)).toHaveLength(1);
    },
  );

  it.each(possible)('does not wait longer than its time-out for %s', async (modification) => {
    const provider = await bench().connect();
    const payment = await bench().authorized(provider, BEFORE[modification]);
    const request = payment.modify(modification);
    await bench().double.setFaults([{ kind: 'hang_after', target: 'modify' }]);
    const attempt = bench().failure(provider.modify(request));
    await bench().untilSeen('modify');
    bench().clock.runOut();
    expect(await attempt).toBe('unknown_outcome');
    expect(await bench().settleModification(provider, request)).toMatchObject({ result: 'succeeded' });
    expect(await bench().ledgerOf(request.idempotencyKey)).toHaveLength(1);
  });

  const isInParts = partialAmounts && recovery === 'lookup';
  it.each(possible.filter((modification) => isInParts && modification === 'refund'))(
    'finds a %s among others of the same amount',
    async (modification) => {
      const provider = await bench().connect();
      const payment = await bench().authorized(provider, BEFORE[modification]);
      await provider.modify(payment.modify(modification, 100));
      const never = payment.modify(modification, 100);
      expect(await provider.lookup(bench().queryOf(never))).toBeUndefined();
      await provider.modify(never);
      expect(await provider.lookup(bench().queryOf(never))).toMatchObject({ result: 'succeeded' });
    },
  );

  it.each(possible)('tells 429, wrong credentials and that nobody listens to %s', async (modification) => {
    const provider = await bench().connect();
    const payment = await bench().authorized(provider, BEFORE[modification]);
    await bench().double.setFaults([{ kind: 'rate_limited', target: 'modify' }]);
    expect(await bench().failure(provider.modify(payment.modify(modification)))).toBe('rate_limited');
    const stranger = await bench().connect({ wrongCredentials: true });
    expect(await bench().failure(stranger.modify(payment.modify(modification)))).toBe('authentication');
    const nobody = await bench().connect({ url: await deadUrl() });
    expect(await bench().failure(nobody.modify(payment.modify(modification)))).toBe('unavailable');
    expect(await bench().double.ledger()).toHaveLength(1);
  });

  it.each(withAmount)('refuses a %s that is malformed before anything is sent', async (modification) => {
    const provider = await bench().connect();
    const payment = await bench().authorized(provider, BEFORE[modification]);
    const request = payment.modify(modification);
    const broken = [
      { ...request, idempotencyKey: '' },
      { ...request, idempotencyKey: 'a'.repeat(65) },
      { ...request, providerReference: '../../v1/balance?x=' },
      { ...request, amount: { value: -1, currency: 'EUR' } },
      { ...request, amount: { value: 100, currency: 'USD' } },
    ];
    const before = (await bench().double.requests()).length;
    for (const each of broken) expect(await bench().failure(provider.modify(each))).toBe('invalid_request');
    expect(await bench().double.requests()).toHaveLength(before);
  });
}
