import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Captures } from '../../../src/workflows/capture-desk.ts';
import type { CaptureDesk, CaptureRequest } from '../../../src/workflows/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { paymentsWith } from '../../support/payments.ts';
import { callOf } from './fakes.ts';
import { CARD, CHARGE, Follower, until, World } from './world.ts';
import { ALL_CAPABILITIES } from '../../support/payment-provider.ts';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
});
afterAll(() => db.close());
beforeEach(async () => {
  world = await World.start(db);
});

async function capturesInDatabase(): Promise<number> {
  const sql = 'select count(*)::int as count from captures where account_id = $1';
  const [row] = await execute<{ count: number }>(db.url, sql, [world.accountId]);
  return row?.count ?? -1;
}

describe('creating a capture', () => {
  test('answers in securing at once, and collects when masking is confirmed', async () => {
    world.calls.confirms = false;
    const capture = await world.create();
    expect(capture).toMatchObject({
      call_id: world.call.callId,
      status: 'securing',
      purpose: 'charge',
      amount: { value: 4200, currency: 'EUR' },
      reference: 'order-1',
      stray_keys: 0,
    });
    expect(capture.fields.map(({ field, status }) => [field, status])).toEqual([
      ['card_number', 'empty'],
      ['expiry', 'empty'],
      ['security_code', 'empty'],
    ]);
    await until(() => world.calls.maskings.length === 1);
    expect(world.calls.masking.options).toEqual({
      captureId: capture.id,
      guardPolicy: 'until_proven',
      confirmWithinMs: 2000,
    });
    world.calls.masking.confirm();
    expect(await world.reaches(capture.id, 'collecting')).toMatchObject({ focus: 'card_number' });
  });

  test('writes who asked, for what and by which process, before the call is secured', async () => {
    world.calls.confirms = false;
    const { id } = await world.create();
    const [row] = await execute<Record<string, unknown>>(
      db.url,
      `select account_id, call_id, instance_id, purpose, amount::int, currency, reference, requested_by, spec->>'reference' as spec
       from captures where id = $1`,
      [id],
    );
    expect(row).toEqual({
      account_id: world.accountId,
      call_id: world.call.callId,
      instance_id: world.instanceId,
      purpose: 'charge',
      amount: 4200,
      currency: 'EUR',
      reference: 'order-1',
      requested_by: 'agent-1',
      spec: 'order-1',
    });
  });

  test('takes the call that an agent is on', async () => {
    const capture = await world.captures.create(world.actor, { agent_id: 'agent-1', ...CHARGE });
    expect(capture.call_id).toBe(world.call.callId);
  });

  const refused: [string, string, () => Partial<CaptureRequest>][] = [
    ['no call', 'call_ambiguous', () => ({})],
    ['a call and an agent', 'call_ambiguous', () => ({ call_id: world.call.callId, agent_id: 'agent-1' })],
    ['an unknown call', 'call_not_found', () => ({ call_id: callOf('x').callId })],
    ['an agent on no call', 'call_not_found', () => ({ agent_id: 'agent-2' })],
    ['money that is missing', 'amount_required', () => ({ agent_id: 'agent-1', purpose: 'authorize' })],
    [
      'a field twice',
      'invalid_capture_spec',
      () => ({ agent_id: 'agent-1', fields: [{ field: 'card_number' }, { field: 'card_number' }] }),
    ],
  ];

  test.each(refused)('with %s is refused and leaves nothing', async (_, code, request) => {
    const { amount, ...charge } = CHARGE;
    const asked = { ...charge, ...(code !== 'amount_required' && amount && { amount }), ...request() };
    await expect(world.captures.create(world.actor, asked)).rejects.toMatchObject({ code });
    expect(await capturesInDatabase()).toBe(0);
    expect(world.calls.maskings).toEqual([]);
  });

  test.each([
    ['ringing', 'call_not_connected'],
    ['ended', 'call_not_found'],
  ] as const)('on a call that is %s is refused', async (state, code) => {
    world.calls.calls.set(world.call.callId, { ...world.call, state });
    await expect(world.create()).rejects.toMatchObject({ code });
    expect(await capturesInDatabase()).toBe(0);
  });

  test('on a call of another account is refused as if there were none', async () => {
    const other = await World.start(db);
    world.calls.calls.set(other.call.callId, other.call);
    await expect(world.create({ call_id: other.call.callId })).rejects.toMatchObject({
      code: 'call_not_found',
      message: 'There is no such live call.',
    });
  });

  test('without a provider is refused', async () => {
    const { database } = db;
    const desk = new Captures({
      ...paymentsWith({ database, clock: world.clock }),
      calls: world.calls,
      defaults: {
        guard: 'always',
        secureTimeoutMs: 1,
        interDigitTimeoutSeconds: 10,
        timeoutSeconds: 300,
        mode: 'test',
        tokenStorage: 'provider',
      },
    });
    await expect(desk.create(world.actor, { agent_id: 'agent-1', ...CHARGE })).rejects.toMatchObject({
      code: 'provider_not_configured',
      kind: 'unavailable',
    });
  });

  test('reads anew what the provider can do', async () => {
    world.provider.capabilities = { ...ALL_CAPABILITIES, purposes: ['tokenize'], pin: false };
    await expect(world.create()).rejects.toMatchObject({ code: 'purpose_not_supported' });
    world.provider.capabilities = { ...ALL_CAPABILITIES, purposes: ['charge'], pin: false };
    expect(await world.create()).toMatchObject({ status: 'securing' });
  });
});

describe('one capture a call', () => {
  test('a second one is refused until the first has ended', async () => {
    const { id } = await world.collecting();
    await expect(world.create()).rejects.toMatchObject({ code: 'capture_running', kind: 'conflict' });
    expect(world.captures.isCaptured(world.call.callId)).toBe(true);
    await world.captures.command(world.actor, id, { type: 'cancel' });
    await world.ended(id);
    expect(world.captures.isCaptured(world.call.callId)).toBe(false);
    expect(await world.create()).toMatchObject({ status: 'securing' });
  });

  test('of several asked for at once, on several processes, one is created and one masking asked for', async () => {
    world.calls.confirms = false;
    const desks = [world.captures, world.desk(undefined, 'second'), world.desk(undefined, 'third')];
    const request = { call_id: world.call.callId, ...CHARGE };
    const asked = desks.flatMap((desk) => [1, 2, 3].map(async () => await desk.create(world.actor, request)));
    const results = await Promise.allSettled(asked);
    const refusals = results.filter((result) => result.status === 'rejected');
    expect(refusals).toHaveLength(8);
    for (const { reason } of refusals) expect(reason).toMatchObject({ code: 'capture_running' });
    expect(await capturesInDatabase()).toBe(1);
    await until(() => world.calls.maskings.length > 0);
    expect(world.calls.maskings).toHaveLength(1);
    expect(desks.filter((desk) => desk.isCaptured(world.call.callId))).toHaveLength(1);
  });

  test('captures of different calls do not hinder each other', async () => {
    const second = callOf(world.accountId, { agentId: 'agent-2' });
    await world.keep(second);
    const both = await Promise.all([world.create(), world.create({ call_id: second.callId })]);
    expect(new Set(both.map(({ call_id: callId }) => callId)).size).toBe(2);
  });
});

describe('commands', () => {
  const send = async (id: string, command: Parameters<CaptureDesk['command']>[2]) =>
    await world.captures.command(world.actor, id, command);

  test('steer the capture, and each answers with it', async () => {
    const { id } = await world.collecting();
    expect(await send(id, { type: 'pause' })).toMatchObject({ paused: 'agent' });
    expect(await send(id, { type: 'resume' })).not.toHaveProperty('paused');
    world.calls.masking.keys('4012');
    expect(await send(id, { type: 'clear', field: 'card_number' })).toMatchObject({
      fields: [{ status: 'empty', digits: 0 }, {}, {}],
    });
    expect(await send(id, { type: 'focus', field: 'expiry' })).toMatchObject({ focus: 'expiry' });
    expect(await send(id, { type: 'cancel' })).toMatchObject({ status: 'cancelled' });
  });

  test.each([
    ['submit', 'not_ready'],
    ['focus', 'unknown_field'],
    ['clear', 'unknown_field'],
  ] as const)('%s that does not fit is refused as %s and changes nothing', async (type, code) => {
    const before = await world.collecting();
    const command = type === 'submit' ? { type } : { type, field: 'pin' as const };
    await expect(send(before.id, command)).rejects.toMatchObject({ code, kind: 'conflict' });
    expect(await world.captures.get(world.actor, before.id)).toEqual(before);
  });

  test.each(['pause', 'resume', 'submit'] as const)(
    '%s before masking is confirmed is refused',
    async (type) => {
      world.calls.confirms = false;
      const { id } = await world.create();
      await expect(send(id, { type })).rejects.toMatchObject({ code: 'not_secured', kind: 'conflict' });
    },
  );

  test('after the end are refused, while it is in memory and when it is only stored', async () => {
    const { id } = await world.collecting();
    let release: () => void = () => undefined;
    world.calls.masking.releaseGate = new Promise((resolve) => (release = resolve));
    await send(id, { type: 'cancel' });
    await expect(send(id, { type: 'cancel' })).rejects.toMatchObject({ code: 'capture_ended' });
    release();
    await world.ended(id);
    await expect(send(id, { type: 'cancel' })).rejects.toMatchObject({
      code: 'capture_ended',
      kind: 'conflict',
    });
  });

  test('on a capture of another process are refused, and nothing happens to it', async () => {
    const { id } = await world.collecting();
    await world.captures.settle(1000);
    const elsewhere = world.desk(undefined, 'second').command(world.actor, id, { type: 'cancel' });
    await expect(elsewhere).rejects.toMatchObject({ code: 'capture_elsewhere', kind: 'unavailable' });
    expect(await world.captures.get(world.actor, id)).toMatchObject({ status: 'collecting' });
  });

  test('on an unknown capture find none', async () => {
    await expect(send('cap_none', { type: 'cancel' })).rejects.toMatchObject({ code: 'capture_not_found' });
  });
});

describe('another account', () => {
  const operations: [string, (desk: CaptureDesk, world: World, id: string) => Promise<unknown>][] = [
    ['read', async (desk, { actor }, id) => await desk.get(actor, id)],
    ['steer', async (desk, { actor }, id) => await desk.command(actor, id, { type: 'cancel' })],
    ['see the evidence of', async (desk, { actor }, id) => await desk.evidence(actor, id)],
    ['follow', async (_, stranger, id) => await Follower.of(stranger, id, 0, world.captures)],
  ];

  test.each(operations)('cannot %s a running capture', async (_, operation) => {
    const { id } = await world.collecting();
    const stranger = await World.start(db);
    await expect(operation(world.captures, stranger, id)).rejects.toMatchObject({
      code: 'capture_not_found',
      kind: 'not_found',
    });
    expect(await world.captures.get(world.actor, id)).toMatchObject({ status: 'collecting' });
  });

  test.each(operations)('cannot %s a capture that has ended', async (_, operation) => {
    const { id } = await world.collecting();
    await world.captures.command(world.actor, id, { type: 'cancel' });
    await world.ended(id);
    const stranger = await World.start(db);
    await expect(operation(world.captures, stranger, id)).rejects.toMatchObject({
      code: 'capture_not_found',
    });
  });

  test('is told nothing of what happens after it was refused', async () => {
    const { id } = await world.collecting();
    const stranger = await World.start(db);
    const events: unknown[] = [];
    const asked = world.captures.follow(
      stranger.actor,
      id,
      0,
      (event) => events.push(event),
      () => events.push('end'),
    );
    await expect(asked).rejects.toMatchObject({ code: 'capture_not_found' });
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'cancel' });
    await world.ended(id);
    expect(events).toEqual([]);
  });
});

describe('evidence', () => {
  test('of a running capture is as it stands, and of one that has ended as it was', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    expect(await world.captures.evidence(world.actor, id)).toMatchObject({
      capture_id: id,
      call_id: world.call.callId,
      keys_delivered: 4,
    });
    world.calls.masking.keys('00');
    await world.captures.command(world.actor, id, { type: 'cancel' });
    await world.ended(id);
    const stored = await world.desk(undefined, 'second').evidence(world.actor, id);
    expect(stored).toMatchObject({ capture_id: id, keys_delivered: 6, engine_version: '11.5.1.10' });
  });

  test('is not there before masking has answered', async () => {
    world.calls.confirms = false;
    const { id } = await world.create();
    await expect(world.captures.evidence(world.actor, id)).rejects.toMatchObject({
      code: 'evidence_not_found',
      kind: 'not_found',
    });
  });
});
