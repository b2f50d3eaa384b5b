import { describe, expect, it } from 'vitest';
import { FaultQueue, parseFaultRates, parseFaults } from '../../../../simulators/sandbox-provider/faults.ts';

describe('FaultQueue', () => {
  it('strikes in order, as often as asked, and only at its target', () => {
    const queue = new FaultQueue();
    queue.set([{ kind: 'garbage', times: 2 }, { kind: 'hang', target: 'lookup' }, { kind: 'rate_limited' }]);
    const pay = Array.from({ length: 4 }, () => queue.take('pay')?.kind);
    expect(pay).toEqual(['garbage', 'garbage', 'rate_limited', undefined]);
    expect([queue.take('lookup')?.kind, queue.take('lookup'), queue.take('keys')]).toEqual([
      'hang',
      undefined,
      undefined,
    ]);
  });

  it('forgets what was pending when it is set anew', () => {
    const queue = new FaultQueue();
    queue.set([{ kind: 'garbage', times: 9 }]);
    queue.set([]);
    expect(queue.take('pay')).toBeUndefined();
  });
});

describe('faults by chance', () => {
  const rates = parseFaultRates({
    seed: 7,
    rates: [
      { fault: { kind: 'garbage' }, probability: 0.2 },
      { fault: { kind: 'late', delayMs: 5 }, probability: 0.3 },
      { fault: { kind: 'hang', target: 'lookup' }, probability: 1 },
    ],
  });
  const drawn = (count: number): (string | undefined)[] => {
    const queue = new FaultQueue();
    queue.setRates(rates);
    return Array.from({ length: count }, () => queue.take('pay')?.kind);
  };

  it('strike as often as they are likely, and the same way for the same seed', () => {
    const kinds = drawn(2000);
    expect(drawn(2000)).toEqual(kinds);
    const share = (kind: string | undefined): number => kinds.filter((one) => one === kind).length / 2000;
    expect(share('garbage')).toBeCloseTo(0.2, 1);
    expect(share('late')).toBeCloseTo(0.3, 1);
    expect(share(undefined)).toBeCloseTo(0.5, 1);
  });

  it('strike at their target only, after what is pending, and are counted', () => {
    const queue = new FaultQueue();
    queue.setRates(rates);
    queue.set([{ kind: 'drop', target: 'lookup' }]);
    expect([queue.take('lookup')?.kind, queue.take('lookup')?.kind, queue.take('keys')]).toEqual([
      'drop',
      'hang',
      undefined,
    ]);
    expect(queue.struck()).toEqual({ 'lookup drop': 1, 'lookup hang': 1 });
  });

  it.each([
    ['no seed', { rates: [] }],
    ['a probability above 1', { seed: 1, rates: [{ fault: { kind: 'hang' }, probability: 2 }] }],
    [
      'more than 1 in all at one target',
      {
        seed: 1,
        rates: ['hang', 'drop'].map((kind) => ({ fault: { kind }, probability: 0.6 })),
      },
    ],
  ])('are refused with %s', (_what, value) => {
    expect(() => parseFaultRates(value)).toThrow(expect.objectContaining({ code: 'malformed_rates' }));
  });
});

describe('parseFaults', () => {
  it('fills in the defaults', () => {
    expect(
      parseFaults([
        { kind: 'delay', delayMs: 20 },
        { kind: 'hang', target: 'keys', times: 3 },
      ]),
    ).toEqual([
      { kind: 'delay', target: 'pay', times: 1, delayMs: 20 },
      { kind: 'hang', target: 'keys', times: 3 },
    ]);
  });

  it.each([
    ['no array', { kind: 'hang' }],
    ['an unknown kind', [{ kind: 'explode' }]],
    ['an unknown target', [{ kind: 'hang', target: 'moon' }]],
    ['no times', [{ kind: 'hang', times: 0 }]],
    ['a delay without its length', [{ kind: 'delay' }]],
    ['a status without an error', [{ kind: 'hang', status: 500 }]],
    ['a status that is none', [{ kind: 'server_error', status: 200 }]],
    ['a length without a delay', [{ kind: 'hang', delayMs: 5 }]],
    ['null', [null]],
  ])('refuses %s', (_what, value) => {
    expect(() => parseFaults(value)).toThrow(expect.objectContaining({ code: 'malformed_faults' }));
  });
});
