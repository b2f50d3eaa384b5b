import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { ApiAnswer, EventStreamHandle } from '../../simulators/stack/api-client.ts';
import { ACCOUNT, type CallOptions, type Stack } from '../../simulators/stack/stack.ts';
import { SCOPES } from '../../src/access/principal.ts';
import type { CallResource, CaptureResource } from '../../src/workflows/contract.ts';
import {
  checkAnswer,
  contract,
  keyCard,
  operationIds,
  operationOf,
  startCapture,
  startCheckedStack,
  talkingCall,
  type CaptureWishes,
  type FollowedCapture,
} from '../support/acceptance.ts';

const KEYING: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 60 };
/** Stripe's published number of a Visa that is charged. */
const VISA = '4242424242424242';
const AMEX = '378282246310005';
const NOBODY = 'cap_00000000000000000000000000';
const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
/** Lines are cheap: every test has one of its own, so that several can run at a time. */
const LINES = 24;

function expectProblem(answer: ApiAnswer, status: number, code: string): void {
  expect(answer.body).toMatchObject({
    status,
    code,
    type: `urn:hushtone:problem:${code}`,
    request_id: expect.stringMatching(/^req_[0-9a-z]{26}$/) as unknown,
  });
  expect(answer.status).toBe(status);
  expect(answer.contentType).toMatch(/^application\/problem\+json\b/);
}

const charge = (request: Record<string, unknown>): Record<string, unknown> => ({
  purpose: 'charge',
  amount: { value: 4200, currency: 'EUR' },
  ...request,
});

/** The order of JSON members may differ between an event and its replay; nothing else may. */
const told = ({ events }: EventStreamHandle): unknown =>
  events.map(({ id, type, data }) => ({ id, type, data }));

const fieldOf = (capture: CaptureResource, name: string): unknown =>
  capture.fields.find(({ field }) => field === name);

describe('the interface', () => {
  /** Each operation with the statuses that it has answered. */
  const answered = new Map<string, Set<number>>();
  let stack: Stack;
  let nextLine = 0;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'conference',
      lines: LINES,
      // Without the key no PIN is taken.
      environment: { PROVIDER_PIN_KEY: '' },
      onAnswer: (method, path, answer) => {
        checkAnswer(method, path, answer);
        const operation = operationOf(method, path) ?? 'none';
        answered.set(operation, (answered.get(operation) ?? new Set()).add(answer.status));
      },
    });
  });
  afterAll(async () => await stack?.close());

  interface Conversation {
    readonly call: SimulatedCall;
    readonly line: number;
    readonly agentId: string;
  }

  async function converse(options: CallOptions = {}): Promise<Conversation> {
    const line = nextLine++;
    const call = await talkingCall(stack, { line, ...options });
    return { call, line, agentId: stack.lines[line]?.agentId ?? '' };
  }

  async function collecting(
    wishes: CaptureWishes['request'] = {},
  ): Promise<Conversation & { capture: FollowedCapture }> {
    const conversation = await converse();
    const capture = await startCapture(stack, { line: conversation.line, request: wishes });
    await capture.untilStatus('collecting');
    return { ...conversation, capture };
  }

  async function hangUp({ call }: { call: SimulatedCall }): Promise<void> {
    call.hangUpCaller();
    await call.whenEnded;
  }

  const read = async (id: string): Promise<CaptureResource> =>
    (await stack.api.get(`/v1/captures/${id}`)).body as CaptureResource;

  const calls = async (): Promise<CallResource[]> =>
    ((await stack.api.get('/v1/calls')).body as { calls: CallResource[] }).calls;

  const callOf = async (agentId: string): Promise<CallResource | undefined> =>
    (await calls()).find(({ agent_id: agent }) => agent === agentId);

  describe.concurrent('calls', () => {
    it('are listed with the caller’s last four digits only', async () => {
      const conversation = await converse();
      const call = await callOf(conversation.agentId);
      expect(call).toMatchObject({
        state: 'connected',
        bridge: 'conference',
        agent_id: conversation.agentId,
        to: stack.lines[conversation.line]?.number,
        transport: 'unknown',
        masked: false,
      });
      const number = `+1555111${2000 + conversation.line}`;
      // The stack's own token may see numbers; one without `numbers:read` gets the country code and four digits.
      expect(call?.from).toBe(number);
      const blind = stack.api.as(await stack.token(['calls:read']));
      const { body } = await blind.get('/v1/calls');
      const listed = (body as { calls: CallResource[] }).calls.find(({ id }) => id === call?.id);
      expect(listed?.from).toMatch(new RegExp(`^\\+1•+${number.slice(-4)}$`));
      expect(JSON.stringify(body)).not.toContain(number.slice(1));
      await hangUp(conversation);
      await vi.waitFor(async () => expect(await callOf(conversation.agentId)).toBeUndefined());
    });

    it('are found by the caller’s number, which no URL holds', async () => {
      const conversation = await converse();
      const from = `+1555111${2000 + conversation.line}`;
      const answer = await stack.api.post('/v1/calls/search', { from });
      expect(answer.status).toBe(200);
      expect((answer.body as { calls: CallResource[] }).calls).toMatchObject([{ from }]);
      await hangUp(conversation);
    });

    it('take a capture by call id', async () => {
      const conversation = await converse();
      const call = await callOf(conversation.agentId);
      const answer = await stack.api.post('/v1/captures', charge({ call_id: call?.id }));
      expect(answer.status).toBe(201);
      const capture = answer.body as CaptureResource;
      expect(capture).toMatchObject({ call_id: call?.id, status: 'securing' });
      expect(answer.headers['location']).toBe(`/v1/captures/${capture.id}`);
      expect(await read(capture.id)).toMatchObject({ id: capture.id });
      await hangUp(conversation);
    });

    it('take one capture at a time, and are not released meanwhile', async () => {
      const { capture, agentId, call } = await collecting();
      expectProblem(
        await stack.api.post('/v1/captures', charge({ agent_id: agentId })),
        409,
        'capture_running',
      );
      const { id } = (await callOf(agentId)) ?? {};
      expectProblem(await stack.api.post(`/v1/calls/${id}/release`), 409, 'capture_running');
      await capture.command('cancel');
      await capture.stream.ended;
      await vi.waitFor(async () =>
        expectProblem(await stack.api.post(`/v1/calls/${id}/release`), 409, 'call_not_masked'),
      );
      // The call is free for the next one.
      const again = await stack.api.post('/v1/captures', charge({ agent_id: agentId }));
      expect(again.status).toBe(201);
      await hangUp({ call });
    });

    it('that still ring take none', async () => {
      const conversation = await converse({ agent: { onRing: 'ignore' }, unanswered: true });
      const call = await vi.waitFor(async () => {
        const ringing = await callOf(conversation.agentId);
        expect(ringing).toMatchObject({ state: 'ringing' });
        return ringing;
      });
      expectProblem(
        await stack.api.post('/v1/captures', charge({ call_id: call?.id })),
        409,
        'call_not_connected',
      );
      await hangUp(conversation);
    });
  });

  describe.concurrent('steering', () => {
    it('focus: keys go to the field that has it, and an accepted one is forgotten', async () => {
      const { call, capture } = await collecting({ auto_advance: false });
      // Without a focus keys go nowhere.
      await call.caller.key('4', KEYING);
      const stray = await capture.until(({ stray_keys: keys }) => keys === 1);
      expect(stray).not.toHaveProperty('focus');
      expect(await capture.command('focus', 'security_code')).toMatchObject({ focus: 'security_code' });
      await call.caller.key('123#', KEYING);
      await capture.untilTaken('security_code');
      await capture.command('focus', 'card_number');
      await call.caller.key(`${VISA}#`, KEYING);
      await capture.untilTaken('card_number');
      expect(fieldOf(await read(capture.id), 'card_number')).toMatchObject({
        status: 'accepted',
        digits: 16,
        brand: 'visa',
        last4: '4242',
      });
      const reopened = await capture.command('focus', 'card_number');
      expect(reopened).toMatchObject({ status: 'collecting', focus: 'card_number' });
      expect(fieldOf(reopened, 'card_number')).toEqual({
        field: 'card_number',
        required: true,
        status: 'empty',
        digits: 0,
        attempts: 0,
      });
      expect(fieldOf(reopened, 'security_code')).toMatchObject({ status: 'accepted' });
      await call.caller.key(`${AMEX}#`, KEYING);
      const amex = await capture.until((seen) =>
        seen.fields.some(({ brand, status }) => brand === 'amex' && status === 'accepted'),
      );
      // American Express has a code of four digits: the one of three is asked for again.
      expect(fieldOf(amex, 'security_code')).toMatchObject({
        status: 'rejected',
        reason: 'security_code_length',
      });
      expectProblem(
        await stack.api.post(`/v1/captures/${capture.id}/focus`, { field: 'postal_code' }),
        409,
        'unknown_field',
      );
      await hangUp({ call });
    });

    it('clear: the value is forgotten, by the agent or by *', async () => {
      const { call, capture } = await collecting();
      await call.caller.key('4242*', KEYING);
      const cleared = await capture.until(
        ({ fields: [card] }) => card?.status === 'empty' && card.digits === 0 && card.brand === undefined,
      );
      expect(fieldOf(cleared, 'card_number')).toMatchObject({ status: 'empty', attempts: 0 });
      await call.caller.key(`${VISA}#`, KEYING);
      await capture.untilTaken('card_number');
      await call.caller.key('1230', KEYING);
      await capture.untilTaken('expiry');
      const answer = await capture.command('clear', 'card_number');
      expect(fieldOf(answer, 'card_number')).not.toHaveProperty('last4');
      expect(fieldOf(answer, 'card_number')).toMatchObject({ status: 'empty', digits: 0 });
      expect(fieldOf(answer, 'expiry')).toMatchObject({ status: 'accepted' });
      await hangUp({ call });
    });

    it('pause and resume: no key counts in between', async () => {
      const { call, capture } = await collecting();
      await call.caller.key('42', KEYING);
      await capture.until(({ fields: [card] }) => card?.digits === 2);
      expect(await capture.command('pause')).toMatchObject({ status: 'collecting', paused: 'agent' });
      await call.caller.key('99', KEYING);
      const paused = await capture.until(({ stray_keys: keys }) => keys === 2);
      expect(fieldOf(paused, 'card_number')).toMatchObject({ status: 'collecting', digits: 2 });
      expect(await capture.command('resume')).not.toHaveProperty('paused');
      await call.caller.key(`${VISA.slice(2)}#`, KEYING);
      await capture.untilTaken('card_number');
      expect(fieldOf(await read(capture.id), 'card_number')).toMatchObject({ last4: '4242' });
      await hangUp({ call });
    });

    it('cancel: it is over, and no command is taken any more', async () => {
      const { call, capture } = await collecting();
      await call.caller.key('4242', KEYING);
      await capture.until(({ fields: [card] }) => card?.digits === 4);
      const cancelled = await capture.command('cancel');
      expect(cancelled).toMatchObject({ status: 'cancelled', ended_at: expect.any(String) as unknown });
      expect(fieldOf(cancelled, 'card_number')).toMatchObject({ status: 'empty', digits: 0 });
      await capture.stream.ended;
      for (const [name, body] of [
        ['focus', { field: 'card_number' }],
        ['clear', { field: 'card_number' }],
        ['pause', undefined],
        ['resume', undefined],
        ['submit', undefined],
        ['cancel', undefined],
      ] as const) {
        const path = `/v1/captures/${capture.id}/${name}`;
        expectProblem(await stack.api.post(path, body), 409, 'capture_ended');
      }
      expect(await read(capture.id)).toEqual(cancelled);
      await hangUp({ call });
    });

    it('auto_submit: the last field sends it, an optional one is passed over with #', async () => {
      const { call, capture } = await collecting({
        auto_submit: true,
        fields: [{ field: 'card_number' }, { field: 'expiry' }, { field: 'postal_code', required: false }],
      });
      await call.caller.key(`${VISA}#`, KEYING);
      await capture.untilTaken('card_number');
      await call.caller.key('1230', KEYING);
      await capture.until(({ focus }) => focus === 'postal_code');
      await call.caller.key('#', { ...KEYING, offMs: 100 });
      // The # right after a field that ended by itself belongs to that one.
      await call.caller.key('#', KEYING);
      const done = await capture.untilStatus('succeeded');
      expect(fieldOf(done, 'postal_code')).toMatchObject({ status: 'empty', digits: 0, required: false });
      await hangUp({ call });
    });

    it('accepted_brands and max_attempts: a card of another brand ends it', async () => {
      const { call, capture } = await collecting({
        accepted_brands: ['visa'],
        fields: [{ field: 'card_number', max_attempts: 2 }],
      });
      await call.caller.key(`${AMEX}#`, KEYING);
      const rejected = await capture.until(({ fields: [card] }) => card?.attempts === 1);
      expect(rejected.status).toBe('collecting');
      expect(fieldOf(rejected, 'card_number')).toMatchObject({
        status: 'rejected',
        reason: 'brand_not_accepted',
      });
      await call.caller.key(`${AMEX}#`, KEYING);
      expect(await capture.untilStatus('failed')).toMatchObject({ reason: 'too_many_attempts' });
      await hangUp({ call });
    });

    it('inter_digit_timeout_seconds: a whole number needs no #', async () => {
      const { call, capture } = await collecting({
        inter_digit_timeout_seconds: 2,
        fields: [{ field: 'card_number' }],
      });
      await call.caller.key(VISA, KEYING);
      await capture.untilStatus('ready');
      expect(fieldOf(await read(capture.id), 'card_number')).toMatchObject({
        status: 'accepted',
        last4: '4242',
      });
      await hangUp({ call });
    });

    it('evidence: of a running capture as it stands, and of one that is over', async () => {
      const { call, capture } = await collecting();
      const path = `/v1/captures/${capture.id}/evidence`;
      const running = await stack.api.get(path);
      expect(running.status).toBe(200);
      expect(running.body).toMatchObject({ capture_id: capture.id, bridge: 'conference', keys_delivered: 0 });
      await call.caller.key('42', KEYING);
      await capture.until(({ fields: [card] }) => card?.digits === 2);
      await capture.command('cancel');
      await vi.waitFor(async () => {
        const { body } = await stack.api.get(path);
        expect(body).toMatchObject({
          keys_delivered: 2,
          sentinel: { digits_heard: 0 },
          steps: expect.arrayContaining([expect.objectContaining({ step: 'released' })]) as unknown,
        });
      });
      await hangUp({ call });
    });
  });

  describe.concurrent('the event stream', () => {
    it('tells everything once, in order, to all who follow, and ends with the capture', async () => {
      const { call, capture } = await collecting();
      const second = await stack.api.follow(`/v1/captures/${capture.id}/events`);
      await keyCard(call, capture, { number: VISA }, KEYING);
      const third = await stack.api.follow(`/v1/captures/${capture.id}/events`);
      await capture.command('submit');
      await Promise.all([capture.stream.ended, second.ended, third.ended]);

      const { events } = capture.stream;
      const sequences = events.map(({ id }) => id);
      expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
      for (const { id, type, data } of events) {
        expect(data).toMatchObject({ sequence: id, type });
        expect(['capture.status', 'capture.field']).toContain(type);
      }
      expect(events.at(-1)).toMatchObject({
        type: 'capture.status',
        data: { capture: { status: 'succeeded' } },
      });
      // Every digit was told when it came.
      const counts = events.map(
        ({ data }) => (data as { capture: CaptureResource }).capture.fields[0]?.digits,
      );
      expect([...new Set(counts)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
      expect(told(second)).toEqual(told(capture.stream));
      expect(told(third)).toEqual(told(capture.stream));

      // Afterwards it is the same again, whole and from every event on.
      const later = await stack.api.follow(`/v1/captures/${capture.id}/events`);
      await later.ended;
      expect(told(later)).toEqual(told(capture.stream));
      for (const index of [0, Math.floor(events.length / 2), events.length - 2, events.length - 1]) {
        const replay = await stack.api.follow(`/v1/captures/${capture.id}/events`, sequences[index]);
        await replay.ended;
        expect(replay.events.map(({ id }) => id)).toEqual(sequences.slice(index + 1));
      }
      await hangUp({ call });
    });

    it('goes on where a client had lost it', async () => {
      const { call, capture } = await collecting();
      const path = `/v1/captures/${capture.id}/events`;
      await call.caller.key('42', KEYING);
      await capture.until(({ fields: [card] }) => card?.digits === 2);
      const lost = await stack.api.follow(path);
      await lost.until(({ data }) => (data as { capture: CaptureResource }).capture.fields[0]?.digits === 2);
      lost.close();
      const last = lost.events.at(-1)?.id;
      await call.caller.key('42', KEYING);
      await capture.until(({ fields: [card] }) => card?.digits === 4);
      const found = await stack.api.follow(path, last);
      await call.caller.key('42', KEYING);
      await capture.until(({ fields: [card] }) => card?.digits === 6);
      await capture.command('cancel');
      await Promise.all([found.ended, capture.stream.ended]);
      expect([...lost.events, ...found.events].map(({ id }) => id)).toEqual(
        capture.stream.events.map(({ id }) => id),
      );
      await hangUp({ call });
    });

    it('is none for a capture that does not exist, and a broken Last-Event-ID is refused', async () => {
      expectProblem(await stack.api.get(`/v1/captures/${NOBODY}/events`), 404, 'capture_not_found');
      await expect(stack.api.follow(`/v1/captures/${NOBODY}/events`, -1)).rejects.toThrow('400');
    });
  });

  describe('a request', () => {
    let conversation: Conversation & { capture: FollowedCapture };

    beforeAll(async () => {
      conversation = await collecting();
    });
    afterAll(async () => await hangUp(conversation));

    const OPERATION_PATHS = [
      ['POST', '/v1/captures'],
      ['GET', '/v1/captures/{id}'],
      ['POST', '/v1/captures/{id}/focus'],
      ['POST', '/v1/captures/{id}/clear'],
      ['POST', '/v1/captures/{id}/pause'],
      ['POST', '/v1/captures/{id}/resume'],
      ['POST', '/v1/captures/{id}/submit'],
      ['POST', '/v1/captures/{id}/cancel'],
      ['GET', '/v1/captures/{id}/events'],
      ['GET', '/v1/captures/{id}/evidence'],
      ['GET', '/v1/calls'],
      ['POST', '/v1/calls/call_00000000000000000000000000/release'],
    ] as const;

    const bodyOf = (path: string): unknown => {
      if (path.endsWith('/focus') || path.endsWith('/clear')) return { field: 'card_number' };
      return path === '/v1/captures' ? charge({ agent_id: conversation.agentId }) : undefined;
    };

    const send = async (token: string, method: string, template: string): Promise<ApiAnswer> => {
      const path = template.replace('{id}', conversation.capture.id);
      return await stack.api.as(token).call(method, path, bodyOf(template));
    };

    it.each(OPERATION_PATHS)(
      '%s %s is refused without a token, and with a wrong one',
      async (method, path) => {
        const none = await send('', method, path);
        expectProblem(none, 401, 'token_missing');
        expect(none.headers['www-authenticate']).toBe('Bearer');
        const [header = '', payload = '', signature = ''] = (await stack.token()).split('.');
        const forged = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
        expectProblem(await send(forged, method, path), 401, 'token_invalid');
      },
    );

    it.each(OPERATION_PATHS)('%s %s is refused without its scope', async (method, path) => {
      const operation = operationOf(method, path.replace('{id}', conversation.capture.id)) ?? '';
      const [needed] = contract.scopesOf(operation) ?? [];
      expect(SCOPES).toContain(needed);
      const token = await stack.token(SCOPES.filter((scope) => scope !== needed));
      const answer = await send(token, method, path);
      expectProblem(answer, 403, 'scope_missing');
      expect(answer.headers['www-authenticate']).toContain('insufficient_scope');
    });

    it.each(OPERATION_PATHS.filter(([, path]) => path !== '/v1/calls'))(
      '%s %s finds nothing for another account',
      async (method, path) => {
        const answer = await send(await stack.token(SCOPES, 'acc_other'), method, path);
        const what = path === '/v1/captures' || path.startsWith('/v1/calls') ? 'call' : 'capture';
        expect(answer.status).toBe(404);
        expectProblem(answer, 404, `${what}_not_found`);
      },
    );

    it('of another account lists no call, and reaches none by its id', async () => {
      const call = await callOf(conversation.agentId);
      const stranger = stack.api.as(await stack.token(SCOPES, 'acc_other'));
      expect((await stranger.get('/v1/calls')).body).toEqual({ calls: [] });
      expectProblem(
        await stranger.post('/v1/captures', charge({ call_id: call?.id })),
        404,
        'call_not_found',
      );
      expectProblem(await stranger.post(`/v1/calls/${call?.id}/release`), 404, 'call_not_found');
    });

    it.each<{ what: string; request: Record<string, unknown>; code: string }>([
      { what: 'an unknown member', request: { card_number: 1 }, code: 'request_invalid' },
      { what: 'no purpose', request: { purpose: undefined }, code: 'request_invalid' },
      { what: 'an unknown purpose', request: { purpose: 'refund' }, code: 'request_invalid' },
      {
        what: 'an amount as text',
        request: { amount: { value: '4200', currency: 'EUR' } },
        code: 'request_invalid',
      },
      {
        what: 'an amount of part of a cent',
        request: { amount: { value: 0.5, currency: 'EUR' } },
        code: 'request_invalid',
      },
      {
        what: 'a currency in small letters',
        request: { amount: { value: 1, currency: 'eur' } },
        code: 'request_invalid',
      },
      { what: 'an unknown field', request: { fields: [{ field: 'cvv' }] }, code: 'request_invalid' },
      { what: 'auto_submit as text', request: { auto_submit: 'true' }, code: 'request_invalid' },
      { what: 'a time-out that is too short', request: { timeout_seconds: 1 }, code: 'request_invalid' },
      { what: 'no amount for a charge', request: { amount: undefined }, code: 'amount_required' },
      { what: 'an amount for tokenize', request: { purpose: 'tokenize' }, code: 'amount_not_allowed' },
      { what: 'a reference like a card number', request: { reference: VISA }, code: 'reference_like_card' },
      {
        what: 'no card number among the fields',
        request: { fields: [{ field: 'expiry' }] },
        code: 'card_number_required',
      },
      {
        what: 'a PIN that the provider does not take',
        request: { fields: [{ field: 'card_number' }, { field: 'pin' }] },
        code: 'pin_not_supported',
      },
      {
        what: 'the same field twice',
        request: { fields: [{ field: 'card_number' }, { field: 'card_number' }] },
        code: 'invalid_capture_spec',
      },
      { what: 'neither call nor agent', request: { agent_id: undefined }, code: 'call_ambiguous' },
      {
        what: 'call and agent',
        request: { call_id: 'call_00000000000000000000000000' },
        code: 'call_ambiguous',
      },
    ])('with $what is refused as $code', async ({ request, code }) => {
      const answer = await stack.api.post(
        '/v1/captures',
        charge({ agent_id: conversation.agentId, ...request }),
      );
      expectProblem(answer, 400, code);
      expect(JSON.stringify(answer.body)).not.toContain(VISA);
    });

    const NO_CALL = 'call_00000000000000000000000000';
    it.each<[string, string, unknown, number, string]>([
      ['POST', '/v1/captures', charge({ call_id: NO_CALL }), 404, 'call_not_found'],
      ['POST', '/v1/captures', charge({ agent_id: 'nobody' }), 404, 'call_not_found'],
      ['POST', `/v1/calls/${NO_CALL}/release`, undefined, 404, 'call_not_found'],
      ['GET', `/v1/captures/${NOBODY}`, undefined, 404, 'capture_not_found'],
      ['POST', `/v1/captures/${NOBODY}/cancel`, undefined, 404, 'capture_not_found'],
      ['GET', `/v1/captures/${NOBODY}/evidence`, undefined, 404, 'capture_not_found'],
      ['GET', '/v1/captures/1', undefined, 400, 'request_invalid'],
      ['GET', '/v1/nothing', undefined, 404, 'route_not_found'],
    ])('for what is not there: %s %s', async (method, path, body, status, code) => {
      const answer = await stack.api.call(method, path, body);
      expect(answer.status).toBe(status);
      expectProblem(answer, status, code);
    });

    it('that was refused has left the capture that runs untouched', async () => {
      expect(await read(conversation.capture.id)).toMatchObject({ status: 'collecting', stray_keys: 0 });
    });
  });

  describe('the process', () => {
    it('is alive and ready, and says so to everyone', async () => {
      const anyone = stack.api.as('');
      expect((await anyone.get('/health/live')).body).toEqual({ status: 'ok', checks: {} });
      expect((await anyone.get('/health/ready')).body).toEqual({ status: 'ok', checks: { database: 'ok' } });
    });

    it('speaks TLS only', async () => {
      const plain = stack.apiUrl.replace('https:', 'http:');
      const refused = new Promise((resolve, reject) => {
        get(`${plain}/health/live`, resolve).once('error', reject);
      });
      await expect(refused).rejects.toThrow(/socket hang up|ECONNRESET/);
    });

    it('sends the headers that keep its answers out of caches and frames', async () => {
      const { headers } = await stack.api.get('/v1/calls');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'strict-transport-security': expect.stringContaining('max-age=') as unknown,
        'content-security-policy': expect.stringContaining("default-src 'none'") as unknown,
      });
    });
  });

  describe('hushtone token', () => {
    const run = async (
      args: readonly string[],
      environment: Record<string, string> = {},
    ): Promise<{ code: number; out: string; err: string }> => {
      // Who the stack's gateway says that it is, is in its tokens (RFC 9068).
      const [, payload = ''] = (await stack.token()).split('.');
      const { iss, aud } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string>;
      const child = spawn(process.execPath, [MAIN, 'token', ...args], {
        env: {
          PATH: process.env['PATH'] ?? '',
          TOKEN_ISSUER: iss ?? '',
          TOKEN_AUDIENCE: aud ?? '',
          TOKEN_SIGNING_KEY_FILE: stack.pki.tokenSigningKey,
          ...environment,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [out, err, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit') as Promise<[number]>,
      ]);
      return { code, out: out.trim(), err };
    };

    it('makes a token that the gateway takes, with the scopes that were asked for', async () => {
      const { code, out } = await run(['--account', ACCOUNT, '--scope', 'calls:read']);
      expect(code).toBe(0);
      const api = stack.api.as(out);
      expect((await api.get('/v1/calls')).status).toBe(200);
      expectProblem(await api.get(`/v1/captures/${NOBODY}`), 403, 'scope_missing');
    });

    it('makes none that another gateway would take', async () => {
      const { code, out } = await run(['--account', ACCOUNT], { TOKEN_AUDIENCE: 'another' });
      expect(code).toBe(0);
      expectProblem(await stack.api.as(out).get('/v1/calls'), 401, 'token_invalid');
    });

    it('says what it needs', async () => {
      expect(await run([])).toMatchObject({ code: 2, out: '' });
      expect(await run(['--help'])).toMatchObject({ code: 0, err: '' });
      const unknown = await run(['--account', ACCOUNT, '--scope', 'cards:read']);
      expect(unknown).toMatchObject({ code: 1, out: '' });
      expect(unknown.err).toContain('no such scope: cards:read');
      const keyless = await run(['--account', ACCOUNT], { TOKEN_SIGNING_KEY_FILE: '' });
      expect(keyless).toMatchObject({ code: 1, out: '' });
      expect(keyless.err).toContain('TOKEN_SIGNING_KEY_FILE');
    });
  });

  it('a lock that a crash left is opened by release', async () => {
    const { call, capture, agentId } = await collecting();
    await stack.gateway().kill();
    await stack.restartGateway();
    const found = await vi.waitFor(
      async () => {
        const adopted = await callOf(agentId);
        expect(adopted).toMatchObject({ state: 'connected', masked: true });
        return adopted;
      },
      { timeout: 20_000, interval: 100 },
    );
    await vi.waitFor(async () => expect(await read(capture.id)).toMatchObject({ status: 'interrupted' }));
    const released = await stack.api.post(`/v1/calls/${found?.id}/release`);
    expect(released.status).toBe(200);
    expect(released.body).toMatchObject({ id: found?.id, masked: false });
    await hangUp({ call });
  });

  it('lists the captures of the account, the newest first, in pages', async () => {
    const first = await stack.api.get('/v1/captures?limit=2');
    expect(first.status).toBe(200);
    const page = first.body as { captures: CaptureResource[]; next_cursor?: string };
    expect(page.captures).toHaveLength(2);
    const times = page.captures.map(({ created_at: at }) => at);
    expect(times).toEqual(times.toSorted().toReversed());
    const { body } = await stack.api.get(`/v1/captures?limit=2&cursor=${page.next_cursor}`);
    const ids = (body as { captures: CaptureResource[] }).captures.map(({ id }) => id);
    expect(ids.filter((id) => page.captures.some((capture) => capture.id === id))).toEqual([]);
  });

  it('every operation on captures, calls and health was asked for, and did what it is for', async () => {
    const successful = [...answered].filter(([, statuses]) => [...statuses].some((status) => status < 300));
    // Streams are followed, not answered.
    const asked = new Set(successful.map(([operation]) => operation));
    const expected = operationIds(['captures', 'calls', 'health']).filter(
      (id) => id !== 'streamCaptureEvents',
    );
    expect(expected.filter((operation) => !asked.has(operation))).toEqual([]);
    expect(expected.length).toBeGreaterThan(12);
  });
});
