import { expect, it } from 'vitest';
import type { FaultKind } from '../../../simulators/doubles/faults.ts';
import type { Operation } from '../../../src/payments/contract.ts';
import { deadUrl, type Bench } from './bench.ts';
import type { ConformanceDouble, ConformanceSubject } from './subject.ts';

const OPERATIONS: readonly Operation[] = [
  'charge',
  'authorize',
  'tokenize',
  'charge_and_save',
  'capture',
  'void',
  'refund',
];

const FAULTS: readonly FaultKind[] = [
  'drop',
  'rate_limited',
  'server_error',
  'lose_answer',
  'garbage',
  'truncated',
  'too_long',
];

export function describeLookups<D extends ConformanceDouble>(
  subject: ConformanceSubject<D>,
  bench: () => Bench<D>,
): void {
  const { purposes, recovery, absenceProvenAfterMs } = subject.capabilities;
  const asks = recovery === 'lookup';

  it.each(asks ? purposes : [])('finds what became of %s among others', async (purpose) => {
    const provider = await bench().connect();
    const requests = [purpose, purpose, purpose].map((each) => bench().request(each));
    for (const request of requests) {
      const outcome = await provider.pay(request);
      expect(await provider.lookup(bench().queryOf(request))).toEqual(outcome);
    }
    expect(await bench().double.ledger()).toHaveLength(3);
  });

  it('tells a key that the provider never saw, or that it cannot be asked', async () => {
    const provider = await bench().connect();
    await provider.pay(bench().request(bench().purpose));
    const query = bench().queryOf(bench().request(bench().purpose));
    const answer = asks ? await provider.lookup(query) : await bench().failure(provider.lookup(query));
    expect(answer).toBe(asks ? undefined : 'unknown_outcome');
    expect(absenceProvenAfterMs).toBeGreaterThan(0);
  });

  it.each(asks ? FAULTS : [])(
    'does not take a look-up whose fault is %s for a word about the payment',
    async (kind) => {
      const provider = await bench().connect();
      const request = bench().request(bench().purpose);
      const outcome = await provider.pay(request);
      await bench().double.setFaults([{ kind, target: 'lookup' }]);
      expect(await bench().failure(provider.lookup(bench().queryOf(request)))).not.toBe('unavailable');
      expect(await provider.lookup(bench().queryOf(request))).toEqual(outcome);
    },
  );

  it.each(asks ? purposes : [])(
    'does not wait longer than its time-out for a look-up of %s',
    async (purpose) => {
      const provider = await bench().connect();
      await bench().double.setFaults([{ kind: 'hang', target: 'lookup' }]);
      const attempt = bench().failure(provider.lookup(bench().queryOf(bench().request(purpose))));
      await bench().untilSeen('lookup');
      bench().clock.runOut();
      expect(await attempt).toBe('unknown_outcome');
    },
  );

  it.each(asks ? [] : OPERATIONS)(
    'says of %s that it cannot be asked, and asks nothing',
    async (operation) => {
      const provider = await bench().connect();
      const query = { ...bench().queryOf(bench().request(bench().purpose)), operation };
      const seen = (await bench().double.requests()).length;
      expect(await bench().failure(provider.lookup(query))).toBe('unknown_outcome');
      expect(await bench().double.requests()).toHaveLength(seen);
    },
  );

  it('never says that a look-up is unavailable', async () => {
    const query = bench().queryOf(bench().request(bench().purpose));
    const nobody = await bench().connect({ url: await deadUrl() });
    expect(await bench().failure(nobody.lookup(query))).not.toBe('unavailable');
    const stranger = await bench().connect({ wrongCredentials: true });
    expect(await bench().failure(stranger.lookup(query))).not.toBe('unavailable');
    const closed = await bench().connect();
    await closed.close();
    expect(await bench().failure(closed.lookup(query))).toBe('unknown_outcome');
  });
}
