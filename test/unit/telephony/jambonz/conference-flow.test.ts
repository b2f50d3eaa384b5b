import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ControlSocket, ListenSocket, PASSWORD, ScriptedCall, USERNAME } from './scripted-jambonz.ts';
import { MemoryJournal, ROUTE, startWorld, WritingListener } from './telephony-world.ts';
import type { World } from './telephony-world.ts';

let world: World | undefined;
afterEach(async () => {
  await world?.telephony.close();
  world = undefined;
});

const OPTIONS = { captureId: 'cap_1', guardPolicy: 'until_proven', confirmWithinMs: 3000 } as const;
const LOUD = 8000;

interface DialCommand {
  readonly from: string;
  readonly to: unknown;
  readonly call_hook: { readonly url: string };
  readonly call_status_hook: string;
  readonly timeout: number;
}

/** The caller is in the conference and the command to call the agent was given. */
async function dialled(
  call: ScriptedCall,
  in_: World,
): Promise<{ control: ControlSocket; dial: DialCommand; conference: string }> {
  const control = await ControlSocket.open(in_.telephony.url);
  const ack = await control.acked('session:new', call.sessionNew());
  const conference = (ack.data as { name?: string }[])[1]?.name ?? '';
  control.message('call:status', call.callerStatus('trying'));
  control.message('call:status', call.callerStatus('in-progress'));
  const { data } = await control.command('dial');
  return { control, dial: data as DialCommand, conference };
}

const agentUrl = (in_: World, dial: DialCommand): string =>
  new URL(dial.call_hook.url, in_.telephony.url.replace(/\/jambonz$/, '/')).href;

async function agentRings(call: ScriptedCall, in_: World, dial: DialCommand): Promise<ControlSocket> {
  const agent = await ControlSocket.open(agentUrl(in_, dial));
  agent.message('call:status', { data: call.agentData('trying') });
  agent.message('call:status', { data: call.agentData('ringing') });
  return agent;
}

async function connected(
  call: ScriptedCall,
  in_: World,
): Promise<{ control: ControlSocket; agent: ControlSocket; callId: string }> {
  const { control, dial } = await dialled(call, in_);
  const agent = await agentRings(call, in_, dial);
  agent.message('call:status', { data: call.agentData('in-progress') });
  await agent.acked('session:new', { call_sid: call.agentSid, data: call.agentData('in-progress') });
  const { callId } = await in_.changes.take(({ state }) => state === 'connected');
  return { control, agent, callId };
}

async function listens(control: ControlSocket, callSid: string): Promise<ListenSocket> {
  const command = await control.inbox.take(
    ({ command: name, data }) => name === 'config' && (data as { listen: { enable: boolean } }).listen.enable,
  );
  const { listen } = command.data as { listen: { url: string } };
  return ListenSocket.open(listen.url, callSid);
}

/** Secures the call; the agent leg falls silent when the mute command comes. */
async function secured(
  call: ScriptedCall,
  in_: World,
  sockets: { control: ControlSocket; agent: ControlSocket; callId: string },
) {
  const listener = new WritingListener();
  const securing = in_.telephony.calls.secure(sockets.callId, OPTIONS, listener);
  const caller = await listens(sockets.control, call.callSid);
  caller.stream(1, () => LOUD);
  const sentinel = await listens(sockets.agent, call.agentSid);
  const mute = await sockets.control.command('conf:participant-action');
  sentinel.stream(2, (channel) => (channel === 0 ? LOUD : 0)); // the agent goes on talking
  const masking = await securing;
  return { listener, caller, sentinel, mute, masking };
}

describe('a call over the conference bridge', () => {
  it('brings the caller into a conference and calls the agent by a command', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const control = await ControlSocket.open(world.telephony.url);
    const ack = await control.acked('session:new', call.sessionNew());
    const name = (ack.data as { name: string }[])[1]?.name;
    expect(ack.data).toEqual([
      { verb: 'answer' },
      { verb: 'conference', name, memberTag: 'caller', endConferenceOnExit: true },
      { verb: 'hangup' },
    ]);
    control.message('call:status', call.callerStatus('in-progress'));
    const { data } = await control.command('dial');
    expect(data).toEqual({
      from: '15551112222',
      to: ROUTE.target,
      // jambonz presents no credentials on this leg's socket but those that the hook carries.
      call_hook: {
        url: expect.stringMatching(/^\/jambonz\/agent\/[\w-]{43}$/) as unknown,
        method: 'POST',
        username: USERNAME,
        password: PASSWORD,
      },
      call_status_hook: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:\d+\/jambonz\/call-status\/[\w-]{43}$/,
      ) as unknown,
      timeout: 20,
    });
  });

  it('brings the agent into the same conference', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const { dial, conference } = await dialled(call, world);
    const agent = await agentRings(call, world, dial);
    const ack = await agent.acked('session:new', {
      call_sid: call.agentSid,
      data: call.agentData('in-progress'),
    });
    expect(ack.data).toEqual([
      { verb: 'conference', name: conference, memberTag: 'agent', endConferenceOnExit: true },
      { verb: 'hangup' },
    ]);
    expect(world.telephony.calls.ofAgent('acc_1', 'agent_1')).toMatchObject({ state: 'connected' });
    expect(world.journal.records.at(-1)).toMatchObject({
      conferenceName: conference,
      agentCallSid: call.agentSid,
    });
  });

  it('turns an agent socket away that nobody asked for', async () => {
    world = await startWorld('conference');
    const agent = await ControlSocket.open(`${world.telephony.url}/agent/${'a'.repeat(43)}`);
    const ack = await agent.acked('session:new', { call_sid: 'x', data: { call_sid: 'x' } });
    expect(ack.data).toEqual([{ verb: 'hangup' }]);
  });

  it.each(['socket', 'http'])('lets the caller go when the agent is busy, told over %s', async (way) => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const { control, dial } = await dialled(call, world);
    const agent = await agentRings(call, world, dial);
    const busy = call.agentData('busy');
    const tell = {
      socket: () => Promise.resolve(agent.message('call:status', { data: busy })),
      http: () => post(dial.call_status_hook, busy),
    };
    await tell[way as keyof typeof tell]();
    const end = await control.command('call:status');
    expect(end.data).toEqual({ call_status: 'completed' });
    expect(world.telephony.calls.list('acc_1')).toMatchObject([{ state: 'ended', end: 'agent_busy' }]);
    expect(await agent.closed).toBe(1000);
  });

  it('lets the caller go when the agent does not answer', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const { control, dial } = await dialled(call, world);
    const agent = await agentRings(call, world, dial);
    agent.message('call:status', { data: call.agentData('no-answer') });
    await control.command('call:status');
    expect(world.telephony.calls.list('acc_1')).toMatchObject([{ state: 'ended', end: 'agent_no_answer' }]);
  });

  it('stops the agent from ringing when the caller hangs up, before or after the agent socket came', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const { control, dial } = await dialled(call, world);
    const agent = await agentRings(call, world, dial);
    control.message('call:status', call.callerStatus('completed', { call_termination_by: 'caller' }));
    expect((await agent.command('call:status')).data).toEqual({ call_status: 'no-answer' });

    const early = new ScriptedCall();
    const second = await dialled(early, world);
    second.control.message('call:status', early.callerStatus('completed', { call_termination_by: 'caller' }));
    await world.changes.take(({ state, end }) => state === 'ended' && end === 'caller_hung_up');
    const late = await agentRings(early, world, second.dial);
    expect((await late.command('call:status')).data).toEqual({ call_status: 'no-answer' });
  });

  it('ends when either side hangs up', async () => {
    world = await startWorld('conference');
    const first = new ScriptedCall();
    const one = await connected(first, world);
    one.agent.message('call:status', { call_sid: first.agentSid, data: first.agentData('completed') });
    await world.changes.take(({ callId, end }) => callId === one.callId && end === 'agent_hung_up');
    const second = new ScriptedCall();
    const two = await connected(second, world);
    two.control.message('call:status', second.callerStatus('completed', { call_termination_by: 'caller' }));
    await world.changes.take(({ callId, end }) => callId === two.callId && end === 'caller_hung_up');
    expect(world.telephony.calls.get(two.callId)).toMatchObject({ state: 'ended' });
  });
});

describe('a capture over the conference bridge', () => {
  it('is secured by the silence that the sentinel hears', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const sockets = await connected(call, world);
    const { mute, masking, caller, sentinel } = await secured(call, world, sockets);
    expect(mute.data).toEqual({ action: 'mute' });
    const evidence = masking.evidence();
    expect(evidence).toMatchObject({ bridge: 'conference', proof: 'sentinel' });
    expect(evidence.sentinel?.digitsHeard).toBe(0);
    expect(evidence.steps.find(({ step }) => step === 'locked')?.detail).toMatch(
      /passes no digit events; mute sent, agent leg silent from \d+ ms after it; the caller's loudest meanwhile: -\d+ dBFS/,
    );
    const released = masking.release();
    const unmute = await sockets.control.command('conf:participant-action');
    expect(unmute.data).toEqual({ action: 'unmute' });
    for (const [control, listen] of [
      [sockets.control, caller],
      [sockets.agent, sentinel],
    ] as const) {
      expect((await control.command('config')).data).toEqual({ listen: { enable: false } });
      listen.close();
    }
    await released;
    expect(world.journal.records.at(-1)?.lock).toBeUndefined();
  });

  it('is refused when the agent leg does not fall silent, and the mute is undone', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const { control, agent, callId } = await connected(call, world);
    const refused = world.telephony.calls
      .secure(callId, { ...OPTIONS, confirmWithinMs: 600 }, new WritingListener())
      .catch((error: unknown) => error);
    const caller = await listens(control, call.callSid);
    caller.stream();
    const sentinel = await listens(agent, call.agentSid);
    sentinel.stream(2, () => LOUD);
    expect((await control.command('conf:participant-action')).data).toEqual({ action: 'mute' });
    expect((await control.command('conf:participant-action')).data).toEqual({ action: 'unmute' });
    expect(await refused).toMatchObject({ failure: 'masking_unavailable' });
    expect(world.telephony.calls.get(callId)).toMatchObject({ masked: false });
  });

  it('is interrupted while it cannot command, and mutes again when it can', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const sockets = await connected(call, world);
    const { listener } = await secured(call, world, sockets);
    sockets.control.drop();
    expect(await listener.told.take()).toBe('interrupted control_lost');
    const back = await ControlSocket.open(world.telephony.url);
    await back.acked('session:reconnect', call.sessionNew());
    expect((await back.command('conf:participant-action')).data).toEqual({ action: 'mute' });
    expect(await listener.told.take()).toBe('restored');
  });

  it('is interrupted while the sentinel does not hear', async () => {
    world = await startWorld('conference');
    const call = new ScriptedCall();
    const sockets = await connected(call, world);
    const { listener, sentinel } = await secured(call, world, sockets);
    sentinel.drop();
    expect(await listener.told.take()).toBe('interrupted listen_lost');
    const again = await listens(sockets.agent, call.agentSid);
    again.stream(2);
    expect(await listener.told.take()).toBe('restored');
  });
});

describe('a reconnect in a conference', () => {
  it('of both legs is adopted by a new process, whichever comes first, and the lock can be released', async () => {
    const call = new ScriptedCall();
    const journal = new MemoryJournal();
    const first = await startWorld('conference', { journal });
    const sockets = await connected(call, first);
    await secured(call, first, sockets);
    await first.telephony.close();

    world = await startWorld('conference', { journal });
    const agent = await ControlSocket.open(`${world.telephony.url}/agent/${'b'.repeat(43)}`);
    await agent.acked('session:reconnect', { call_sid: call.agentSid, data: call.agentData('in-progress') });
    const control = await ControlSocket.open(world.telephony.url);
    await control.acked('session:reconnect', call.sessionNew());
    expect(await world.adopted.take()).toMatchObject({ callId: sockets.callId, masked: true });

    const released = world.telephony.calls.release(sockets.callId);
    expect((await control.command('conf:participant-action')).data).toEqual({ action: 'unmute' });
    await released;
    expect(world.telephony.calls.get(sockets.callId)).toMatchObject({ masked: false });
    const securing = secured(call, world, { control, agent, callId: sockets.callId });
    expect((await securing).masking.evidence().proof).toBe('sentinel');
  });
});

function post(url: string, body: unknown): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
