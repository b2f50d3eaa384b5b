import { describe, expect, test } from 'vitest';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import type { Calls, CallSnapshot } from '../../../src/telephony/contract.ts';
import { callResource, createCallDesk, maskNumber } from '../../../src/workflows/call-desk.ts';

const CALL: CallSnapshot = {
  callId: 'call_1',
  accountId: 'acme',
  state: 'connected',
  bridge: 'dial',
  from: '+15083084809',
  to: '2000',
  agentId: 'agent-1',
  transport: 'unknown',
  masked: true,
  startedAt: new Date('2026-06-15T12:00:00Z'),
};

describe('a telephone number', () => {
  test.each([
    ['+15083084809', '+•••••••4809'],
    ['15083084809', '•••••••4809'],
    ['+1 (508) 308-4809', '+•••••••4809'],
    ['2000', '2000'],
    ['12', '12'],
    ['12345', '•2345'],
    ['anonymous', ''],
    ['', ''],
    ['sip:+15083084809@example.org', '•••••••4809'],
  ])('%s is shown as %s', (number, shown) => {
    expect(maskNumber(number)).toBe(shown);
  });
});

describe('a call as a client sees it', () => {
  test('hides the caller and nothing else', () => {
    expect(callResource({ ...CALL, connectedAt: new Date('2026-06-15T12:00:05Z') })).toEqual({
      id: 'call_1',
      state: 'connected',
      bridge: 'dial',
      from: '+•••••••4809',
      to: '2000',
      agent_id: 'agent-1',
      transport: 'unknown',
      masked: true,
      started_at: '2026-06-15T12:00:00.000Z',
      connected_at: '2026-06-15T12:00:05.000Z',
    });
  });

  test('has no time of connection before there is one', () => {
    expect(callResource({ ...CALL, state: 'ringing' })).not.toHaveProperty('connected_at');
  });
});

/** Calls as a list; releasing is counted and unmasks. */
function deskOf(snapshots: CallSnapshot[], captured: readonly string[] = []) {
  const calls = new Map(snapshots.map((call) => [call.callId, call]));
  const released: string[] = [];
  const fake: Pick<Calls, 'get' | 'list' | 'release'> = {
    get: (callId) => calls.get(callId),
    list: (accountId) => [...calls.values()].filter((call) => call.accountId === accountId),
    release: (callId) => {
      const call = calls.get(callId);
      if (call?.masked !== true) {
        return Promise.reject(new HushtoneError('call_not_masked', 'conflict', 'No lock stands.'));
      }
      released.push(callId);
      calls.set(callId, { ...call, masked: false });
      return Promise.resolve();
    },
  };
  return { desk: createCallDesk(fake as Calls, (callId) => captured.includes(callId)), released };
}

const ACTOR = { accountId: 'acme', subject: 'x' };

describe('the list of calls', () => {
  test('has the live ones of the account, the newest first', () => {
    const at = (minute: number): Date => new Date(Date.UTC(2026, 5, 15, 12, minute));
    const { desk } = deskOf([
      { ...CALL, callId: 'old', startedAt: at(1) },
      { ...CALL, callId: 'ended', state: 'ended', startedAt: at(2) },
      { ...CALL, callId: 'new', state: 'ringing', startedAt: at(3) },
      { ...CALL, callId: 'foreign', accountId: 'other', startedAt: at(4) },
    ]);
    expect(desk.list(ACTOR).map(({ id }) => id)).toEqual(['new', 'old']);
  });

  test('ends at a thousand', () => {
    const { desk } = deskOf(Array.from({ length: 1001 }, (_, n) => ({ ...CALL, callId: `call_${n}` })));
    expect(desk.list(ACTOR)).toHaveLength(1000);
  });
});

describe('releasing a call', () => {
  test('opens its lock and shows it as it is then', async () => {
    const { desk, released } = deskOf([CALL]);
    expect(await desk.release(ACTOR, 'call_1')).toMatchObject({ id: 'call_1', masked: false });
    expect(released).toEqual(['call_1']);
  });

  test.each([
    ['another account', { accountId: 'other', subject: 'x' }, CALL],
    ['a call that is over', ACTOR, { ...CALL, state: 'ended' as const }],
    ['an unknown call', ACTOR, { ...CALL, callId: 'call_2' }],
  ])('is not for %s', async (_, actor, call) => {
    const { desk, released } = deskOf([call]);
    await expect(desk.release(actor, 'call_1')).rejects.toMatchObject({
      code: 'call_not_found',
      kind: 'not_found',
    });
    expect(released).toEqual([]);
  });

  test('is refused while a capture runs on the call', async () => {
    const { desk, released } = deskOf([CALL], ['call_1']);
    await expect(desk.release(ACTOR, 'call_1')).rejects.toMatchObject({
      code: 'capture_running',
      kind: 'conflict',
    });
    expect(released).toEqual([]);
  });

  test('that is not masked is refused by the telephone system', async () => {
    const { desk } = deskOf([{ ...CALL, masked: false }]);
    await expect(desk.release(ACTOR, 'call_1')).rejects.toMatchObject({ code: 'call_not_masked' });
  });
});
