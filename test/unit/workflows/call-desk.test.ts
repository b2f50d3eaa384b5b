import { describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.ts';
import { databaseUnavailable } from '../../../src/db/errors.ts';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import type { Calls, CallSnapshot } from '../../../src/telephony/contract.ts';
import { callResource, createCallDesk } from '../../../src/workflows/call-desk.ts';
import type { Actor } from '../../../src/workflows/contract.ts';
import { createTestNumbers } from '../../support/numbers.ts';

const NUMBERS = await createTestNumbers();

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

const ACTOR: Actor = {
  accountId: 'acme',
  subject: 'x',
  clientId: 'crm',
  roles: ['integrator'],
  scopes: new Set(),
  reach: ['account'],
};
const AGENT: Actor = { ...ACTOR, subject: 'agent-1', roles: ['agent'], reach: ['own'] };

describe('a call as a client sees it', () => {
  test('hides the caller and nothing else', () => {
    const call = { ...CALL, connectedAt: new Date('2026-06-15T12:00:05Z') };
    expect(callResource(call, ACTOR, NUMBERS)).toEqual({
      id: 'call_1',
      state: 'connected',
      bridge: 'dial',
      from: '+1•••••••4809',
      to: '2000',
      agent_id: 'agent-1',
      transport: 'unknown',
      masked: true,
      started_at: '2026-06-15T12:00:00.000Z',
      connected_at: '2026-06-15T12:00:05.000Z',
    });
  });

  test('hides a number that is written in another way', () => {
    expect(callResource({ ...CALL, from: '+1 (508) 308-4809' }, ACTOR, NUMBERS).from).toBe('+1•••••••4809');
  });

  test('shows the caller to those who may see numbers, when the number can be read', () => {
    const actor = { ...ACTOR, numbersVisible: true };
    expect(callResource(CALL, actor, NUMBERS).from).toBe('+15083084809');
    expect(callResource({ ...CALL, from: '' }, actor, NUMBERS).from).toBe('•••••••');
  });

  test('has no time of connection before there is one', () => {
    expect(callResource({ ...CALL, state: 'ringing' }, ACTOR, NUMBERS)).not.toHaveProperty('connected_at');
  });
});

/** Keeps the audit records that are written, `operation result reason`, and has nothing else. */
function auditDatabase(steps: string[]) {
  const trail = { lost: false };
  const transaction: Database['transaction'] = async (_accountId, work) =>
    await work({
      query: <T extends object>(text: string, values: readonly unknown[] = []): Promise<T[]> => {
        if (trail.lost) return Promise.reject(databaseUnavailable(new Error('gone')));
        if (text.includes('audit_head')) {
          return Promise.resolve([
            { sequence: 0, hash: 'A'.repeat(43), now: CALL.startedAt },
          ] as unknown as T[]);
        }
        for (const record of values[2] as string[]) {
          const { operation, result, reason } = JSON.parse(record) as Record<string, string>;
          steps.push([operation, result, reason].filter(Boolean).join(' '));
        }
        return Promise.resolve([]);
      },
    });
  return { trail, database: { transaction } as Database };
}

/** Calls as a list; releasing unmasks. `steps` tells what was done and what was put on record, in order. */
function deskOf(snapshots: CallSnapshot[], captured: readonly string[] = []) {
  const calls = new Map(snapshots.map((call) => [call.callId, call]));
  const steps: string[] = [];
  const fake: Pick<Calls, 'get' | 'list' | 'release'> = {
    get: (callId) => calls.get(callId),
    list: (accountId) => [...calls.values()].filter((call) => call.accountId === accountId),
    release: (callId) => {
      const call = calls.get(callId);
      if (call?.masked !== true) {
        return Promise.reject(new HushtoneError('call_not_masked', 'conflict', 'No lock stands.'));
      }
      steps.push(`opened ${callId}`);
      calls.set(callId, { ...call, masked: false });
      return Promise.resolve();
    },
  };
  const { database, trail } = auditDatabase(steps);
  const desk = createCallDesk({
    calls: fake as Calls,
    database,
    numbers: NUMBERS,
    isCaptured: (callId) => captured.includes(callId),
  });
  return { desk, steps, trail };
}

describe('the list of calls', () => {
  const at = (minute: number): Date => new Date(Date.UTC(2026, 5, 15, 12, minute));

  test('has the live ones of the account, the newest first', () => {
    const { desk } = deskOf([
      { ...CALL, callId: 'old', startedAt: at(1) },
      { ...CALL, callId: 'ended', state: 'ended', startedAt: at(2) },
      { ...CALL, callId: 'new', state: 'ringing', startedAt: at(3) },
      { ...CALL, callId: 'foreign', accountId: 'other', startedAt: at(4) },
    ]);
    expect(desk.list(ACTOR).map(({ id }) => id)).toEqual(['new', 'old']);
  });

  test('has those only that are in reach', () => {
    const { desk } = deskOf([CALL, { ...CALL, callId: 'call_2', agentId: 'agent-2' }]);
    expect(desk.list(AGENT).map(({ id }) => id)).toEqual(['call_1']);
    expect(desk.list({ ...ACTOR, reach: [] })).toEqual([]);
  });

  test('ends at a thousand', () => {
    const { desk } = deskOf(Array.from({ length: 1001 }, (_, n) => ({ ...CALL, callId: `call_${n}` })));
    expect(desk.list(ACTOR)).toHaveLength(1000);
  });
});

describe('releasing a call', () => {
  test('opens its lock, once that is on record, and shows it as it is then', async () => {
    const { desk, steps } = deskOf([CALL]);
    expect(await desk.release(ACTOR, 'call_1')).toMatchObject({ id: 'call_1', masked: false });
    expect(steps).toEqual(['call.release done', 'opened call_1', 'call.unlock done']);
  });

  test('opens nothing that cannot be put on record', async () => {
    const { desk, steps, trail } = deskOf([CALL]);
    trail.lost = true;
    await expect(desk.release(ACTOR, 'call_1')).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(steps).toEqual([]);
    expect(desk.list(ACTOR)).toMatchObject([{ masked: true }]);
  });

  test.each([
    ['another account', { ...ACTOR, accountId: 'other' }, CALL],
    ['an agent who is on another call', { ...AGENT, subject: 'agent-2' }, CALL],
    ['a call that is over', ACTOR, { ...CALL, state: 'ended' as const }],
    ['an unknown call', ACTOR, { ...CALL, callId: 'call_2' }],
  ])('is not for %s', async (_, actor, call) => {
    const { desk, steps } = deskOf([call]);
    await expect(desk.release(actor, 'call_1')).rejects.toMatchObject({
      code: 'call_not_found',
      kind: 'not_found',
    });
    expect(steps).toEqual([]);
  });

  test('is refused while a capture runs on the call', async () => {
    const { desk, steps } = deskOf([CALL], ['call_1']);
    await expect(desk.release(ACTOR, 'call_1')).rejects.toMatchObject({
      code: 'capture_running',
      kind: 'conflict',
    });
    expect(steps).toEqual([]);
  });

  test('that is not masked is refused by the telephone system', async () => {
    const { desk, steps } = deskOf([{ ...CALL, masked: false }]);
    await expect(desk.release(ACTOR, 'call_1')).rejects.toMatchObject({ code: 'call_not_masked' });
    expect(steps).toEqual(['call.release done', 'call.unlock failed call_not_masked']);
  });
});
