import { describe, expect, it } from 'vitest';
import type { JambonzSimulatorOptions, SimulatedCall } from '../../../../simulators/jambonz/simulator.ts';
import { type Bench, callerKeys, closeBenches, startBench, story } from './bench.ts';
import { type Connection, dataOf, type Message } from './test-application.ts';

closeBenches();

const room = (memberTag: string): Message => ({
  verb: 'conference',
  name: 'pay-1',
  memberTag,
  endConferenceOnExit: true,
});

interface Conferencing {
  readonly bench: Bench;
  readonly placed: SimulatedCall;
  readonly control: Connection;
}

async function callerInConference(
  options: Partial<JambonzSimulatorOptions> = {},
  agent: { onRing?: 'busy' | 'ignore' } = {},
): Promise<Conferencing> {
  const bench = await startBench(options);
  const { application } = bench;
  application.answer = (message) => {
    if (message['type'] !== 'session:new') return [];
    return dataOf(message)['direction'] === 'outbound'
      ? [room('agent'), { verb: 'hangup' }]
      : [
          { verb: 'answer' },
          { ...room('caller'), statusHook: '/conf', statusEvents: ['start', 'join', 'leave', 'end'] },
          { verb: 'hangup' },
        ];
  };
  const placed = bench.call({ agent: { number: '2000', ...agent } });
  await application.message('verb:hook /conf join');
  return { bench, placed, control: await application.connection('/jambonz') };
}

function dialAgent({ bench, control }: Conferencing, more: Message = {}): void {
  bench.application.command(control, 'dial', {
    from: '15083084809',
    to: { type: 'phone', number: '2000', trunk: 'agents' },
    call_hook: '/agentleg',
    timeout: 20,
    ...more,
  });
}

describe('a conference', () => {
  it('is entered, joined by the agent and ended by the caller as recorded', async () => {
    const conferencing = await callerInConference();
    const { bench, placed } = conferencing;
    expect(placed.state).toBe('answered');
    dialAgent(conferencing);
    await placed.whenConnected;
    expect(placed.state).toBe('connected');
    placed.hangUpCaller();
    expect(await placed.whenEnded).toEqual({ by: 'caller' });
    expect(story(placed, 'caller')).toEqual([
      '> ws-open',
      '> session:new',
      '< ack',
      '> call:status trying',
      '> call:status in-progress',
      '> verb:hook /conf start',
      '< ack',
      '> verb:hook /conf join',
      '< ack',
      '< command dial',
      '> call:status completed',
      '> verb:hook /conf leave',
      '< ack',
      '> verb:hook /conf end',
      '< ack',
      '> ws-close',
    ]);
    expect(story(placed, 'agent')).toEqual([
      '> ws-open',
      '> call:status trying',
      '> call:status ringing',
      '> call:status in-progress',
      '> session:new',
      '< ack',
      '> verb:hook /conf join',
      '< ack',
      '> verb:hook /conf leave',
      '< ack',
      '> verb:hook /conf end',
      '> call:status completed',
      '< ack',
      '> ws-close',
    ]);
    expect(bench.media.legs[0]?.log).toEqual(['answer', 'join pay-1 caller', 'leave']);
    expect(bench.media.legs[1]?.log).toEqual(['join pay-1 agent', 'leave', 'hangUp']);
  });

  it('reports its events with the recorded keys, inside of whose the b3 stands', async () => {
    const conferencing = await callerInConference();
    const { application } = conferencing.bench;
    const start = await application.message('verb:hook /conf start');
    expect(Object.keys(start)).toEqual(['type', 'msgid', 'call_sid', 'hook', 'data']);
    expect(Object.keys(dataOf(start))).toEqual([
      'event',
      'duration',
      'time',
      'members',
      'conference_sid',
      'friendly_name',
      ...callerKeys,
      'b3',
    ]);
    expect(dataOf(start)).toMatchObject({ members: 0, friendly_name: 'pay-1' });
    expect(dataOf(start)['conference_sid']).toBe(`conf:${String(dataOf(start)['account_sid'])}:pay-1`);
    expect(dataOf(await application.message('verb:hook /conf join'))['members']).toBe(1);
    dialAgent(conferencing);
    const agentJoin = await application.message('verb:hook /conf join', 1);
    expect(dataOf(agentJoin)).toMatchObject({ members: 2, direction: 'outbound', to: '2000' });
    conferencing.placed.hangUpAgent();
    await conferencing.placed.whenEnded;
    expect(dataOf(await application.message('verb:hook /conf leave'))).toMatchObject({
      direction: 'outbound',
      members: 1,
      call_status: 'completed',
      call_termination_by: 'caller',
    });
    expect(dataOf(await application.message('verb:hook /conf leave', 1))).toMatchObject({
      direction: 'inbound',
      members: 0,
      call_status: 'in-progress',
    });
    // Evicted, then the hangup verb.
    expect(dataOf(await application.message('call:status completed', 1))['call_termination_by']).toBe(
      'jambonz',
    );
  });

  it('gives the agent leg a socket of its own, with statuses before its session:new', async () => {
    const conferencing = await callerInConference({ username: 'jb', password: 'pw' });
    const { application } = conferencing.bench;
    dialAgent(conferencing);
    await conferencing.placed.whenConnected;
    const connection = await application.connection('/agentleg');
    // jambonz has no credentials for a hook that a command names, unless the hook brings them.
    expect(connection.request.headers.authorization).toBeUndefined();
    const messages = connection.messages.map(({ message }) => message);
    expect(messages.slice(0, 3).every((message) => !('call_sid' in message))).toBe(true);
    expect(dataOf(messages[1] ?? {})).toMatchObject({ sip_status: 180, sip_reason: 'Trying' });
    const sessionNew = messages[3] ?? {};
    expect(Object.keys(sessionNew)).toEqual(['type', 'msgid', 'call_sid', 'data', 'b3']);
    expect(Object.keys(dataOf(sessionNew))).toEqual([
      'call_sid',
      'direction',
      'from',
      'to',
      'call_id',
      'sbc_callid',
      'sip_status',
      'sip_reason',
      'call_status',
      'account_sid',
      'trace_id',
      'fs_sip_address',
      'api_base_url',
      'defaults',
    ]);
    expect(dataOf(sessionNew)).toMatchObject({ from: '15083084809', defaults: { synthesizer: {} } });
  });

  it('authenticates the agent leg’s socket with the credentials of its hook', async () => {
    const conferencing = await callerInConference();
    dialAgent(conferencing, { call_hook: { url: '/agentleg', username: 'a', password: 'b' } });
    const { request } = await conferencing.bench.application.connection('/agentleg');
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from('a:b').toString('base64')}`);
  });

  it('shows a busy agent on the agent’s socket only, and leaves that open', async () => {
    const conferencing = await callerInConference({}, { onRing: 'busy' });
    const { bench, placed, control } = conferencing;
    dialAgent(conferencing);
    const busy = await bench.application.message('call:status busy');
    expect(busy).not.toHaveProperty('call_sid');
    expect(dataOf(busy)).toMatchObject({ sip_status: 486, sip_reason: 'Busy Here' });
    await bench.application.hasRead(control);
    placed.hangUpCaller();
    await placed.whenEnded;
    const agentSocket = await bench.application.connection('/agentleg');
    expect(agentSocket.closeCode).toBeUndefined();
  });

  it('posts the agent leg’s statuses to an http hook, also busy', async () => {
    const conferencing = await callerInConference({}, { onRing: 'busy' });
    const { application } = conferencing.bench;
    dialAgent(conferencing, { call_status_hook: application.url('/status?leg=1', 'http') });
    await application.until(() => application.posts.length === 2);
    expect(
      application.posts.map(({ path, body }) => [path, body['call_status'], body['sip_status']]),
    ).toEqual([
      ['/status?leg=1', 'trying', 100],
      ['/status?leg=1', 'busy', 486],
    ]);
    expect(application.posts[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(application.posts[0]?.headers.authorization).toBeUndefined();
    expect(application.connections).toHaveLength(1);
  });

  it('does not cancel the agent leg with the caller; the application does', async () => {
    const conferencing = await callerInConference({}, { onRing: 'ignore' });
    const { bench, placed } = conferencing;
    dialAgent(conferencing);
    const agentSocket = await bench.application.connection('/agentleg');
    await bench.application.until(() => agentSocket.messages.length === 2);
    placed.hangUpCaller();
    await bench.application.message('verb:hook /conf end');
    expect(bench.media.legs[1]?.log).toEqual([]);
    bench.application.command(agentSocket, 'call:status', { call_status: 'no-answer' });
    const status = await bench.application.message('call:status no-answer');
    expect(dataOf(status)).toMatchObject({ sip_status: 487 });
    expect(dataOf(status)).not.toHaveProperty('call_termination_by');
    expect(await bench.application.until(() => agentSocket.closeCode)).toBe(1000);
    expect(bench.media.legs[1]?.log).toEqual(['cancel']);
    expect(await placed.whenEnded).toEqual({ by: 'caller' });
  });

  it('obeys participant actions without an answer', async () => {
    const { bench, control } = await callerInConference();
    const { application, media } = bench;
    for (const data of [
      { action: 'mute' },
      { action: 'unmute' },
      { action: 'coach', tag: 'nobody' },
      { action: 'uncoach' },
      { action: 'hold' },
      { action: 'dance' },
    ]) {
      application.command(control, 'conf:participant-action', data);
    }
    await application.hasRead(control);
    expect(media.legs[0]?.log.slice(2)).toEqual(['mute', 'unmute', 'coach nobody', 'uncoach', 'mute']);
    expect(bench.simulator.refused[0]?.reason).toBe('unknown participant action');
  });

  it('lets `#` throw the caller out under stock caller-controls', async () => {
    const { bench, placed, control } = await callerInConference({ callerControls: 'stock' });
    await bench.application.hasRead(control);
    bench.media.legs[0]?.throwOut();
    expect(await placed.whenEnded).toEqual({ by: 'jambonz' });
    expect(story(placed).slice(-6)).toEqual([
      '> verb:hook /conf leave',
      '< ack',
      '> verb:hook /conf end',
      '> call:status completed',
      '< ack',
      '> ws-close',
    ]);
  });

  it('reconnects the agent’s socket on its own', async () => {
    const conferencing = await callerInConference({ timings: { reconnectMs: 20 } });
    const { bench, placed } = conferencing;
    dialAgent(conferencing);
    await placed.whenConnected;
    placed.faults.dropAppSocket('agent');
    const again = await bench.application.connection('/agentleg', 1);
    const message = await bench.application.message('session:reconnect');
    expect(dataOf(message)['direction']).toBe('outbound');
    expect(again.messages).toHaveLength(1);
  });
});
