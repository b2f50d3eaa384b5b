import { afterEach, describe, expect, it } from 'vitest';
import { ControlSocket, ListenSocket, ScriptedCall } from './scripted-jambonz.ts';
import { MemoryJournal, ROUTE, startWorld, WritingListener } from './telephony-world.ts';
import type { World } from './telephony-world.ts';

let world: World | undefined;
afterEach(async () => {
  await world?.telephony.close();
  world = undefined;
});

const OPTIONS = { captureId: 'cap_1', guardPolicy: 'until_proven', confirmWithinMs: 3000 } as const;

async function ringing(call: ScriptedCall, in_: World): Promise<ControlSocket> {
  const control = await ControlSocket.open(in_.telephony.url);
  await control.acked('session:new', call.sessionNew());
  control.message('call:status', call.callerStatus('trying'));
  control.message('call:status', call.childStatus('trying', { sip_status: 100 }));
  control.message('call:status', call.childStatus('ringing', { sip_status: 180 }));
  return control;
}

async function connected(call: ScriptedCall, in_: World): Promise<ControlSocket> {
  const control = await ringing(call, in_);
  control.message('call:status', call.childStatus('in-progress'));
  control.message('call:status', call.callerStatus('in-progress'));
  await in_.changes.take(({ state }) => state === 'connected');
  return control;
}

/** Answers the next command to listen, and keeps quiet audio flowing. */
async function listens(control: ControlSocket, call: ScriptedCall): Promise<ListenSocket> {
  const command = await control.inbox.take(
    ({ command: name, data }) => name === 'config' && (data as { listen: { enable: boolean } }).listen.enable,
  );
  const { listen } = command.data as { listen: { url: string } };
  const socket = await ListenSocket.open(listen.url, call.callSid);
  socket.stream();
  return socket;
}

const callId = (in_: World): string => in_.telephony.calls.list('acc_1')[0]?.callId ?? '';

describe('a call over the dial bridge', () => {
  it('is declined when its number leads nowhere', async () => {
    world = await startWorld('dial');
    const control = await ControlSocket.open(world.telephony.url);
    const ack = await control.acked('session:new', new ScriptedCall('1999').sessionNew());
    expect(ack.data).toEqual([{ verb: 'sip:decline', status: 404, reason: 'Not Found' }]);
    expect(world.telephony.calls.list('acc_1')).toEqual([]);
  });

  it('is found with and without the leading plus', async () => {
    world = await startWorld('dial');
    const control = await ControlSocket.open(world.telephony.url);
    const ack = await control.acked('session:new', new ScriptedCall('+15083084809').sessionNew());
    expect(ack.data).toEqual([
      {
        verb: 'dial',
        callerId: '15551112222',
        answerOnBridge: true,
        anchorMedia: true,
        timeout: 20,
        actionHook: '/dial-done',
        target: [ROUTE.target],
      },
    ]);
  });

  it('is answered first when it is recorded', async () => {
    const recording = { type: 'cloud' };
    world = await startWorld('dial', { router: () => ({ ...ROUTE, recording }) });
    const control = await ControlSocket.open(world.telephony.url);
    const ack = await control.acked('session:new', new ScriptedCall().sessionNew());
    expect(ack.data).toMatchObject([
      { verb: 'answer' },
      { verb: 'config', record: { action: 'startCallRecording', type: 'cloud' } },
      { verb: 'dial' },
    ]);
  });

  it('is declined when its route is no dial target', async () => {
    world = await startWorld('dial', { router: () => ({ ...ROUTE, target: { nonsense: true } }) });
    const control = await ControlSocket.open(world.telephony.url);
    const ack = await control.acked('session:new', new ScriptedCall().sessionNew());
    expect(ack.data).toMatchObject([{ verb: 'sip:decline', status: 500 }]);
    expect(world.telephony.calls.list('acc_1')).toMatchObject([{ state: 'ended', end: 'failed' }]);
  });

  it('is shown to its account and its agent, and recorded with both legs', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    await connected(call, world);
    const { calls } = world.telephony;
    expect(calls.ofAgent('acc_1', 'agent_1')).toMatchObject({
      state: 'connected',
      bridge: 'dial',
      from: '15551112222',
      to: '15083084809',
      transport: 'unknown',
      masked: false,
    });
    expect(calls.ofAgent('acc_1', 'agent_2')).toBeUndefined();
    expect(calls.list('acc_2')).toEqual([]);
    expect(world.journal.records.at(-1)).toMatchObject({
      callSid: call.callSid,
      agentCallSid: call.agentSid,
      agentLegCallId: call.agentCallId,
    });
  });

  it.each([
    ['busy', 486, 'agent_busy'],
    ['no-answer', 480, 'agent_no_answer'],
    ['failed', 480, 'failed'],
  ])('declines the caller when the agent is %s', async (status, sip, end) => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await ringing(call, world);
    control.message('call:status', call.childStatus(status));
    const ack = await control.acked('verb:hook', {
      call_sid: call.callSid,
      hook: '/dial-done',
      data: call.data({ dial_call_status: status }),
    });
    expect(ack.data).toMatchObject([{ verb: 'sip:decline', status: sip }]);
    expect(world.telephony.calls.get(callId(world))).toMatchObject({ state: 'ended', end });
  });

  it('hangs up when the agent hangs up, and says nothing more', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    control.message('call:status', call.childStatus('completed'));
    const ack = await control.acked('verb:hook', {
      call_sid: call.callSid,
      hook: '/dial-done',
      data: call.data({ call_status: 'in-progress', dial_call_status: 'completed' }),
    });
    expect(ack.data).toEqual([{ verb: 'hangup' }]);
    expect(world.telephony.calls.get(callId(world))).toMatchObject({ state: 'ended', end: 'agent_hung_up' });
  });

  it('ends when the caller hangs up', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    control.message('call:status', call.callerStatus('completed', { call_termination_by: 'caller' }));
    control.message('call:status', call.childStatus('completed'));
    const ack = await control.acked('verb:hook', {
      call_sid: call.callSid,
      hook: '/dial-done',
      data: call.data({ call_status: 'completed', dial_call_status: 'completed' }),
    });
    expect(ack.data).toBeUndefined();
    expect(world.telephony.calls.get(callId(world))).toMatchObject({ state: 'ended', end: 'caller_hung_up' });
    expect(world.telephony.calls.ofAgent('acc_1', 'agent_1')).toBeUndefined();
  });
});

describe('a capture over the dial bridge', () => {
  it('records the lock before it locks, delivers keys, and undoes everything', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    const listener = new WritingListener();
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, listener);
    const listen = await listens(control, call);
    const masking = await securing;
    const [mask] = world.masks;
    expect(mask?.calls.slice(0, 2)).toEqual(['close', 'verify']);
    expect(world.journal.records.at(-1)?.lock).toEqual({
      captureId: 'cap_1',
      bridge: 'dial',
      agentLegCallId: call.agentCallId,
      tag: 'freeswitch-tag',
    });
    await new Promise((resolve) => setTimeout(resolve, 300)); // a key that began before the lock is dropped
    listen.key('4');
    expect(await listener.told.take()).toBe('key 4');

    const released = masking.release();
    const off = await control.command('config');
    expect(off.data).toEqual({ listen: { enable: false } });
    listen.close();
    await released;
    expect(mask?.calls.at(-1)).toBe('open');
    expect(world.journal.records.at(-1)?.lock).toBeUndefined();
    expect(world.telephony.calls.get(callId(world))).toMatchObject({ masked: false });
    const evidence = masking.evidence();
    expect(evidence).toMatchObject({ bridge: 'dial', proof: 'engine_acknowledgement', keysDelivered: 1 });
    expect(evidence.steps.map(({ step }) => step)).toEqual(
      expect.arrayContaining([
        'requested',
        'listening',
        'locked',
        'guard_closed',
        'verified',
        'secured',
        'released',
      ]),
    );
  });

  it('stops the recording and starts it again with its full data', async () => {
    const recording = { siprecServerURL: 'sip:127.0.0.1', recordingID: 'rec1' };
    world = await startWorld('dial', { router: () => ({ ...ROUTE, recording }) });
    const call = new ScriptedCall();
    const control = await connected(call, world);
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, new WritingListener());
    expect((await control.command('record')).data).toEqual({ action: 'stopCallRecording' });
    const listen = await listens(control, call);
    const masking = await securing;
    const released = masking.release();
    await control.command('config');
    listen.close();
    expect((await control.command('record')).data).toEqual({ ...recording, action: 'startCallRecording' });
    await released;
  });

  it('stops a recording that jambonz runs by itself, of either kind', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await ControlSocket.open(world.telephony.url);
    await control.acked('session:new', call.sessionNew({ has_recording: true }));
    control.message('call:status', call.childStatus('in-progress'));
    await world.changes.take(({ state }) => state === 'connected');
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, new WritingListener());
    expect((await control.command('record')).data).toEqual({ action: 'stopCallRecording', type: 'cloud' });
    expect((await control.command('record')).data).toEqual({ action: 'stopCallRecording' });
    await listens(control, call);
    await securing;
  });

  it('mends a lost and a stalled listen socket at fresh paths', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    const listener = new WritingListener();
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, listener);
    const first = await listens(control, call);
    const masking = await securing;

    first.drop();
    expect(await listener.told.take()).toBe('interrupted listen_lost');
    const second = await listens(control, call);
    expect(await listener.told.take()).toBe('restored');

    second.pause(); // open and silent, as after a dead feature server
    expect(await listener.told.take()).toBe('interrupted listen_lost');
    expect((await control.command('config')).data).toEqual({ listen: { enable: false } });
    const third = await listens(control, call);
    expect(await listener.told.take()).toBe('restored');
    const released = masking.release();
    await control.command('config');
    third.close();
    await released;
  });

  it('goes on while the control socket is away, and listens again once it is back', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    const listener = new WritingListener();
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, listener);
    const listen = await listens(control, call);
    await securing;
    control.drop();
    await control.closed;
    await new Promise((resolve) => setTimeout(resolve, 300));
    listen.key('7');
    expect(await listener.told.take()).toBe('key 7');
    listen.drop();
    expect(await listener.told.take()).toBe('interrupted listen_lost');

    const back = await ControlSocket.open(world.telephony.url);
    const ack = await back.acked('session:reconnect', call.sessionNew());
    expect(ack.data).toBeUndefined();
    await listens(back, call);
    expect(await listener.told.take()).toBe('restored');
    expect(world.telephony.calls.list('acc_1')).toHaveLength(1);
  });

  it('locks the new leg when the agent leg is re-negotiated', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    const listener = new WritingListener();
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, listener);
    await listens(control, call);
    await securing;
    call.agentCallId = 'another-call-id';
    control.message('call:status', call.childStatus('in-progress'));
    expect(await listener.told.take()).toBe('interrupted leg_renegotiated');
    expect(await listener.told.take()).toBe('restored');
    expect(world.masks[0]?.calls.filter((what) => what === 'close')).toHaveLength(2);
    expect(world.journal.records.at(-1)?.lock).toMatchObject({ agentLegCallId: 'another-call-id' });
  });

  it('is told when the call ends', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await connected(call, world);
    const listener = new WritingListener();
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, listener);
    await listens(control, call);
    const masking = await securing;
    control.message('call:status', call.callerStatus('completed', { call_termination_by: 'caller' }));
    expect(await listener.told.take()).toBe('ended caller_hung_up');
    await masking.release();
    expect(world.masks[0]?.calls).not.toContain('open');
    expect(world.journal.records.at(-1)).toMatchObject({ snapshot: { state: 'ended' } });
    expect(world.journal.records.at(-1)?.lock).toBeUndefined();
  });

  it('is refused on calls that are not there, not connected, or already held', async () => {
    world = await startWorld('dial');
    const { calls } = world.telephony;
    const listener = new WritingListener();
    await expect(calls.secure('call_none', OPTIONS, listener)).rejects.toMatchObject({
      code: 'call_not_found',
    });
    await expect(calls.release('call_none')).rejects.toMatchObject({ code: 'call_not_found' });
    const call = new ScriptedCall();
    const control = await ringing(call, world);
    await world.changes.take();
    await expect(calls.secure(callId(world), OPTIONS, listener)).rejects.toMatchObject({
      code: 'call_not_connected',
    });
    control.message('call:status', call.childStatus('in-progress'));
    await world.changes.take(({ state }) => state === 'connected');
    await expect(calls.release(callId(world))).rejects.toMatchObject({ code: 'call_not_masked' });
    const securing = calls.secure(callId(world), OPTIONS, listener);
    await listens(control, call);
    await securing;
    await expect(calls.secure(callId(world), OPTIONS, listener)).rejects.toMatchObject({
      code: 'call_already_masked',
    });
  });

  it('locks nothing when the lock cannot be written down', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    await connected(call, world);
    world.journal.failing = true;
    const refused = await world.telephony.calls
      .secure(callId(world), { ...OPTIONS, confirmWithinMs: 300 }, new WritingListener())
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ failure: 'masking_unavailable', code: 'masking_unavailable' });
    expect(world.masks[0]?.calls).not.toContain('close');
  });
});

describe('a reconnect', () => {
  it('that comes before session:new was acked is answered with the verbs', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const lost = await ControlSocket.open(world.telephony.url);
    lost.message('session:new', call.sessionNew());
    await world.changes.take();
    lost.drop();
    const back = await ControlSocket.open(world.telephony.url);
    const ack = await back.acked('session:reconnect', call.sessionNew());
    expect(ack.data).toMatchObject([{ verb: 'dial' }]);
  });

  it('of a call that nobody knows is answered as a new one', async () => {
    world = await startWorld('dial');
    const back = await ControlSocket.open(world.telephony.url);
    const ack = await back.acked('session:reconnect', new ScriptedCall().sessionNew());
    expect(ack.data).toMatchObject([{ verb: 'dial' }]);
  });

  it('of a call that an earlier process held is adopted, with its lock', async () => {
    const call = new ScriptedCall();
    const journal = new MemoryJournal();
    const first = await startWorld('dial', { journal });
    const control = await connected(call, first);
    const securing = first.telephony.calls.secure(callId(first), OPTIONS, new WritingListener());
    await listens(control, call);
    await securing;
    const id = callId(first);
    await first.telephony.close();
    expect(await control.closed).toBe(1001);

    world = await startWorld('dial', { journal });
    const back = await ControlSocket.open(world.telephony.url);
    const ack = await back.acked('session:reconnect', call.sessionNew());
    expect(ack.data).toBeUndefined();
    const adopted = await world.adopted.take();
    expect(adopted).toMatchObject({ callId: id, state: 'connected', masked: true });
    expect(world.telephony.calls.get(id)).toMatchObject({ masked: true });

    await world.telephony.calls.release(id);
    expect(world.masks[0]?.calls).toEqual(['open']);
    expect(world.telephony.calls.get(id)).toMatchObject({ masked: false });
    expect(journal.records.at(-1)?.lock).toBeUndefined();
  });

  it('leaves a lock that cannot be opened on record and says so', async () => {
    const call = new ScriptedCall();
    world = await startWorld('dial');
    const control = await connected(call, world);
    const securing = world.telephony.calls.secure(callId(world), OPTIONS, new WritingListener());
    const listen = await listens(control, call);
    const masking = await securing;
    const [mask] = world.masks;
    if (mask !== undefined) mask.failing = new Error('no answer');
    const released = masking.release();
    await control.command('config');
    listen.close();
    await expect(released).rejects.toMatchObject({ code: 'lock_not_opened' });
    expect(world.telephony.calls.get(callId(world))).toMatchObject({ masked: true });
    await expect(world.telephony.calls.release(callId(world))).rejects.toThrow('no answer');
    if (mask !== undefined) mask.failing = undefined;
    await world.telephony.calls.release(callId(world));
    expect(world.telephony.calls.get(callId(world))).toMatchObject({ masked: false });
  });
});
