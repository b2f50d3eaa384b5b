import { describe, expect, it } from 'vitest';
import { FaultQueue, parseFaults } from '../../../../simulators/doubles/faults.ts';

describe('FaultQueue', () => {
  it('strikes the requests that a fault names, as often as it says, in order', () => {
    const faults = new FaultQueue();
    faults.set([{ kind: 'hang', times: 2 }, { kind: 'drop', target: 'lookup' }, { kind: 'garbage' }]);
    const struck = ['pay', 'lookup', 'pay', 'lookup', 'pay', 'pay', 'modify'].map((target) => {
      return faults.take(target)?.kind;
    });
    expect(struck).toEqual(['hang', 'drop', 'hang', undefined, 'garbage', undefined, undefined]);
  });

  it('forgets what is pending when it is set anew', () => {
    const faults = new FaultQueue();
    faults.set([{ kind: 'hang' }]);
    faults.set([]);
    expect(faults.take('pay')).toBeUndefined();
  });
});

describe('parseFaults', () => {
  it.each([
    [[{ kind: 'delay', delayMs: 1 }]],
    [[{ kind: 'server_error', status: 503, target: 'lookup', times: 3 }]],
    [[{ kind: 'server_error_after' }]],
  ])('takes %j', (faults) => {
    expect(parseFaults(faults)).toEqual(faults);
  });

  it.each([
    [{}],
    [[1]],
    [[{ kind: 'explode' }]],
    [[{ kind: 'hang', times: 0 }]],
    [[{ kind: 'hang', times: 1.5 }]],
    [[{ kind: 'hang', delayMs: 10 }]],
    [[{ kind: 'hang', status: 500 }]],
    [[{ kind: 'hang', target: 7 }]],
    [[{ kind: 'delay' }]],
    [[{ kind: 'delay', delayMs: 60_001 }]],
    [[{ kind: 'server_error', status: 200 }]],
    [[{ kind: 'hang', colour: 'red' }]],
  ])('refuses %j', (faults) => {
    expect(() => parseFaults(faults)).toThrow(TypeError);
  });
});
