import { afterEach, describe, expect, it } from 'vitest';
import { createInProcessMedia } from '../../../../simulators/jambonz/media/in-process-media.ts';
import type { Media } from '../../../../simulators/jambonz/media/contract.ts';
import { closeBenches, dialAgent, startBench } from './bench.ts';
import { dataOf, type Message } from './test-application.ts';

const opened: Media[] = [];
closeBenches();
afterEach(async () => {
  for (const media of opened.splice(0)) await media.close();
});

function realMedia(): Media {
  const media = createInProcessMedia({ seed: 3 });
  opened.push(media);
  return media;
}

const keysOf = (messages: readonly { message: Message }[]): string[] =>
  messages.filter(({ message }) => message['event'] === 'dtmf').map(({ message }) => String(message['dtmf']));

describe('a call with phones and FreeSWITCH', () => {
  it('is dialled, heard by a listen socket with its keys, and ended by the agent', async () => {
    const { application, call } = await startBench({ media: realMedia() });
    application.answer = (message) =>
      message['type'] === 'session:new' ? [dialAgent] : [{ verb: 'hangup' }];
    const placed = call();
    await placed.whenConnected;
    const control = await application.connection('/jambonz');
    application.command(control, 'config', {
      listen: { enable: true, url: application.url('/listen'), passDtmf: true, mixType: 'mono' },
    });
    const socket = await application.connection('/listen');
    await application.until(() => socket.frames.length > 0);
    await placed.key('42*', { transport: 'rfc4733' });
    await application.until(() => keysOf(socket.messages).length === 3);
    expect(keysOf(socket.messages)).toEqual(['4', '2', '*']);
    expect(new Set(socket.frames)).toEqual(new Set([320]));
    // No media server blocks anything here: a plain bridge always gives the agent the digits.
    await expect.poll(() => placed.agent?.telephoneEventsHeard().length).toBeGreaterThan(0);
    placed.hangUpAgent();
    expect(await placed.whenEnded).toEqual({ by: 'agent' });
    expect(dataOf(await application.message('call:status completed'))['call_termination_by']).toBe('jambonz');
  });

  it('is a conference in which the agent gets no digit event, and the recorder gets the caller', async () => {
    const { application, call } = await startBench({ media: realMedia() });
    const room = { verb: 'conference', name: 'r', endConferenceOnExit: true };
    application.answer = (message) => {
      if (message['type'] !== 'session:new') return [];
      if (dataOf(message)['direction'] === 'outbound') return [room, { verb: 'hangup' }];
      const record = { action: 'startCallRecording', type: 'cloud' };
      return [{ verb: 'answer' }, { verb: 'config', record }, room, { verb: 'hangup' }];
    };
    const placed = call();
    const control = await application.connection('/jambonz');
    await application.message('call:status in-progress');
    application.command(control, 'dial', {
      from: '15083084809',
      to: { type: 'phone', number: '2000' },
      call_hook: '/agentleg',
    });
    await placed.whenConnected;
    await placed.key('77', { transport: 'rfc4733' });
    await expect.poll(() => placed.recordings[0]?.keys.length).toBe(2);
    expect(placed.recordings[0]?.samples.length).toBeGreaterThan(0);
    expect(placed.agent?.telephoneEventsHeard()).toEqual([]);
    placed.hangUpCaller();
    expect(await placed.whenEnded).toEqual({ by: 'caller' });
  });

  it('holds, is lost and is redialled without losing the caller', async () => {
    const { application, call } = await startBench({ media: realMedia() });
    application.answer = (message) => (message['type'] === 'session:new' ? [dialAgent] : []);
    const placed = call();
    await placed.whenConnected;
    await placed.faults.renegotiateAgent();
    await placed.faults.renegotiateCaller();
    const before = placed.agentCallId;
    await placed.faults.replaceAgentLeg();
    expect(placed.agentCallId).not.toBe(before);
    expect(placed.state).toBe('connected');
    placed.faults.killLeg('agent');
    await application.message('verb:hook /dialdone');
    await application.hasRead(await application.connection('/jambonz'));
    expect(placed.state).toBe('answered');
    placed.faults.killLeg('caller');
    await placed.whenEnded;
  });
});

describe('many calls', () => {
  it('runs three hundred at the same time', async () => {
    // A busy machine may take longer than jambonz allows for a handshake.
    const { application, call, simulator } = await startBench({ timings: { handshakeMs: 60_000 } });
    application.answer = (message) => (message['type'] === 'session:new' ? [dialAgent] : []);
    const calls = Array.from({ length: 300 }, () => call());
    await Promise.all(calls.map(({ whenConnected }) => whenConnected));
    expect(calls.every(({ state }) => state === 'connected')).toBe(true);
    expect(new Set(calls.map(({ callSid }) => callSid)).size).toBe(300);
    for (const placed of calls) placed.hangUpCaller();
    await Promise.all(calls.map(({ whenEnded }) => whenEnded));
    expect(simulator.refused).toEqual([]);
    await application.until(() => application.connections.every(({ closeCode }) => closeCode !== undefined));
    expect(new Set(application.connections.map(({ closeCode }) => closeCode))).toEqual(new Set([1000]));
  });

  it('leaves no socket behind when it closes in the middle of everything', async () => {
    const { application, call, simulator } = await startBench();
    application.answer = (message) => (message['type'] === 'session:new' ? [dialAgent] : []);
    const calls = Array.from({ length: 20 }, () => call());
    await calls[0]?.whenConnected;
    await simulator.close();
    expect(calls.every(({ state }) => state === 'ended')).toBe(true);
    await Promise.all(calls.map(({ whenEnded }) => whenEnded));
    await application.until(() => application.connections.every(({ closeCode }) => closeCode !== undefined));
    expect(() => call()).toThrow('closed');
  });

  it('gives the same ids for the same seed', async () => {
    const [one, two] = await Promise.all([startBench({ seed: 5 }), startBench({ seed: 5 })]);
    expect(one.call().callSid).toBe(two.call().callSid);
    expect(one.call().callSid).not.toBe(two.call().caller.number);
  });
});
