import { afterEach, describe, expect, test, vi } from 'vitest';
import { SETTINGS } from '../../../../src/config/settings.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { dieAt } from '../../../../src/workflows/payments/chaos.ts';
import { PAYMENT_POINTS } from '../../../../src/workflows/payments/points.ts';

afterEach(() => void vi.restoreAllMocks());

const pending = Symbol('pending');
const now = async (work: void | Promise<void>): Promise<unknown> =>
  await Promise.race([Promise.resolve(work), Promise.resolve().then(() => pending)]);

test('the setting names the points of an attempt', () => {
  expect(SETTINGS.CHAOS_KILL_AT.choices).toEqual(PAYMENT_POINTS);
});

describe('a process that is to die', () => {
  test('does so at its point, when it has come there often enough, with a signal that nobody can catch', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const onPoint = dieAt({ point: 'before_commit', arrival: 2 }, silentLogger);
    await onPoint('before_commit');
    await onPoint('after_write');
    expect(kill).not.toHaveBeenCalled();
    const dying = onPoint('before_commit');
    expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGKILL');
    // Nothing goes on while the signal is on its way.
    expect(await now(dying)).toBe(pending);
  });

  test('lets a request that was sent leave, and goes no further', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const dying = dieAt({ point: 'after_send', arrival: 1 }, silentLogger)('after_send');
    expect(await now(dying)).toBe(pending);
    expect(kill).not.toHaveBeenCalled();
  });
});
