import { describe, expect, it } from 'vitest';
import { FaultQueue, parseFaults } from '../../../../simulators/sandbox-provider/faults.ts';

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
