import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, test } from 'vitest';
import { createRateLimiter, type RateLimits } from '../../../src/http/rate-limit.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { systemClock } from '../../../src/kernel/clock.ts';

const NO_LIMIT: RateLimits = { address: 0, client: 0, account: 0 };

/** A reply of which only the headers are kept. */
class Headers {
  readonly values = new Map<string, unknown>();
  header(name: string, value: unknown): this {
    this.values.set(name, value);
    return this;
  }
  getHeader(name: string): unknown {
    return this.values.get(name);
  }
}

function world(limits: Partial<RateLimits>) {
  let nowMs = 1_000_000;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const limiter = createRateLimiter({ ...NO_LIMIT, ...limits }, clock);
  const told = (count: (reply: FastifyReply) => void): Record<string, unknown> => {
    const reply = new Headers();
    let code = 'none';
    try {
      count(reply as unknown as FastifyReply);
    } catch (error) {
      ({ code } = error as { code: string });
    }
    return { ...Object.fromEntries(reply.values), code };
  };
  return {
    pass: (ms: number) => {
      nowMs += ms;
    },
    from: (ip: string) => told((reply) => limiter.countAddress({ ip } as FastifyRequest, reply)),
    by: (accountId: string, clientId: string) =>
      told((reply) => limiter.countPrincipal({ accountId, clientId }, reply)),
  };
}

describe('a limit', () => {
  test('counts down, refuses, and starts anew after a minute', () => {
    const { pass, from } = world({ address: 2 });
    const policy = '"address";q=2;w=60';
    expect(from('192.0.2.1')).toEqual({
      'ratelimit-policy': policy,
      ratelimit: '"address";r=1;t=60',
      code: 'none',
    });
    pass(20_500);
    expect(from('192.0.2.1')).toMatchObject({ ratelimit: '"address";r=0;t=40', code: 'none' });
    expect(from('192.0.2.1')).toEqual({
      'ratelimit-policy': policy,
      ratelimit: '"address";r=0;t=40',
      'retry-after': '40',
      code: 'rate_limited',
    });
    pass(39_499);
    expect(from('192.0.2.1')).toMatchObject({ code: 'rate_limited', 'retry-after': '1' });
    pass(1);
    expect(from('192.0.2.1')).toMatchObject({ ratelimit: '"address";r=1;t=60', code: 'none' });
  });

  test('of 0 is none', () => {
    const { from, by } = world({});
    expect([from('192.0.2.1'), by('a', 'b')]).toEqual([{ code: 'none' }, { code: 'none' }]);
  });
});

test('a client and its account are counted each', () => {
  const { by } = world({ client: 2, account: 3 });
  expect(by('acc', 'one')).toMatchObject({
    'ratelimit-policy': '"client";q=2;w=60, "account";q=3;w=60',
    ratelimit: '"client";r=1;t=60, "account";r=2;t=60',
  });
  expect(by('acc', 'one')).toMatchObject({ code: 'none' });
  expect(by('acc', 'one')).toMatchObject({ code: 'rate_limited' });
  expect(by('acc', 'two')).toMatchObject({ ratelimit: '"client";r=1;t=60, "account";r=0;t=60' });
  expect(by('acc', 'two')).toMatchObject({ code: 'rate_limited' });
  // The same names in another account are somebody else.
  expect(by('other', 'one')).toMatchObject({ code: 'none' });
});

describe('an address', () => {
  test.each([
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:0:0::1', '2001:db8::2'],
  ])('%s counts with %s', (one, two) => {
    const { from } = world({ address: 1 });
    expect(from(one)).toMatchObject({ code: 'none' });
    expect(from(two)).toMatchObject({ code: 'rate_limited' });
  });

  test.each([
    ['192.0.2.1', '192.0.2.2'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['::1', '2001:db8::1'],
  ])('%s counts apart from %s', (one, two) => {
    const { from } = world({ address: 1 });
    expect([from(one), from(two)]).toMatchObject([{ code: 'none' }, { code: 'none' }]);
  });
});

test('so many addresses that the counters do not fit do not reset the first of them', () => {
  const { from } = world({ address: 1 });
  from('192.0.2.1');
  for (let host = 0; host < 19_998; host += 1) from(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`);
  expect(from('192.0.2.1')).toMatchObject({ code: 'rate_limited' });
});

test('beyond that the oldest counter is forgotten: memory is bounded, whoever asks', () => {
  const { from } = world({ address: 1 });
  from('192.0.2.1');
  for (let host = 0; host < 20_000; host += 1) from(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`);
  expect(from('192.0.2.1')).toMatchObject({ code: 'none' });
});
