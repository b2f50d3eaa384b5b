import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import { Attempts } from '../../../src/payments/attempts.ts';
import type { PaymentOutcome, ProviderFailure } from '../../../src/payments/contract.ts';
import { ProviderError } from '../../../src/payments/errors.ts';

const DONE: PaymentOutcome = { result: 'succeeded', providerReference: 'pay_1' };
const FAILURES: readonly ProviderFailure[] = [
  'invalid_request',
  'authentication',
  'rate_limited',
  'unavailable',
  'unknown_outcome',
];

function attemptsWithLog(): { attempts: Attempts; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const logger = createLogger('debug', { write });
  return { attempts: new Attempts({ provider: 'some', clock: systemClock, logger }), lines };
}

const failing = (failure: ProviderFailure) => (): Promise<never> =>
  Promise.reject(new ProviderError(failure, 'so it is'));

describe('Attempts', () => {
  it('hands an outcome on and logs nothing', async () => {
    const { attempts, lines } = attemptsWithLog();
    expect(await attempts.send('charge', () => Promise.resolve(DONE))).toEqual(DONE);
    expect(await attempts.ask(() => Promise.resolve(DONE))).toEqual(DONE);
    expect(await attempts.ask(() => Promise.resolve(undefined))).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it.each(FAILURES)('logs what has no outcome, and hands it on: %s', async (failure) => {
    const { attempts, lines } = attemptsWithLog();
    await expect(attempts.send('refund', failing(failure))).rejects.toMatchObject({ failure });
    expect(lines).toMatchObject([{ provider: 'some', purpose: 'refund', reason: failure }]);
  });

  it('logs what is no error of a provider as unknown', async () => {
    const { attempts, lines } = attemptsWithLog();
    await expect(attempts.send('charge', () => Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
    expect(lines).toMatchObject([{ reason: 'unknown_outcome' }]);
  });

  it.each(FAILURES)('never has a look-up unavailable: %s', async (failure) => {
    const { attempts } = attemptsWithLog();
    await expect(attempts.ask(failing(failure))).rejects.toMatchObject({
      failure: failure === 'unavailable' ? 'unknown_outcome' : failure,
      message: 'so it is',
    });
  });

  it('closes when nothing is under way, and begins nothing after', async () => {
    const { attempts, lines } = attemptsWithLog();
    let answer: (outcome: PaymentOutcome) => void = () => undefined;
    const open = attempts.send('charge', () => new Promise((resolve) => (answer = resolve)));
    const failed = attempts.track(Promise.reject(new Error('a check')));
    let isClosed = false;
    const closing = attempts.close().then(() => (isClosed = true));
    await expect(failed).rejects.toThrow('a check');
    expect([attempts.closed, isClosed]).toEqual([true, false]);
    let begun = 0;
    const work = (): Promise<PaymentOutcome> => {
      begun += 1;
      return Promise.resolve(DONE);
    };
    await expect(attempts.send('charge', work)).rejects.toMatchObject({ failure: 'unavailable' });
    await expect(attempts.ask(work)).rejects.toMatchObject({ failure: 'unknown_outcome' });
    expect([begun, isClosed]).toEqual([0, false]);
    answer(DONE);
    expect(await open).toEqual(DONE);
    await closing;
    expect(lines).toEqual([]);
  });
});
