import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { closeBenches, dialAgent, startBench, story } from './bench.ts';
import { dataOf, kindOf, type Message, silence, TestApplication } from './test-application.ts';

closeBenches();

const dialling = (message: Message): unknown => (message['type'] === 'session:new' ? [dialAgent] : []);

describe('acks', () => {
  it('ends a call whose session:new is not acked with 480, and closes with 1001', async () => {
    const { application, call } = await startBench({ timings: { ackMs: 60 } });
    application.answer = () => silence;
    const placed = call();
    expect(await placed.whenEnded).toEqual({ by: 'jambonz' });
    expect(placed.callerFinal).toBe(480);
    const connection = await application.connection('/jambonz');
    expect(await application.until(() => connection.closeCode)).toBe(1001);
    expect(story(placed)).not.toContain('> call:status trying');
  });

  it('goes on after a hook that nobody answers, but only when its time is over', async () => {
    const ackMs = 120;
    const { application, call } = await startBench({ timings: { ackMs } });
    application.answer = (message) =>
      message['type'] === 'session:new' ? [dialAgent, { verb: 'hangup' }] : silence;
    const placed = call();
    await placed.whenConnected;
    placed.hangUpAgent();
    await placed.whenEnded;
    const hook = placed.messages.find(({ message }) => message['type'] === 'verb:hook');
    const completed = placed.messages.find(({ message }) => kindOf(message) === 'call:status completed');
    expect((completed?.atMs ?? 0) - (hook?.atMs ?? 0)).toBeGreaterThanOrEqual(ackMs - 1);
  });

  it('answers what it cannot read with jambonz:error and refuses what it does not know', async () => {
    const { application, call, simulator } = await startBench();
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    const connection = await application.connection('/jambonz');
    const { ws } = connection;
    ws.send('{not json');
    const error = await application.message('jambonz:error');
    expect(dataOf(error)).toMatchObject({ msg: 'InvalidMessage', content: '{not json' });
    ws.send(JSON.stringify({ type: 'command', command: 'config' }));
    await application.message('jambonz:error', 1);
    ws.send(JSON.stringify({ type: 'command', command: 'dance', data: {} }));
    ws.send(JSON.stringify({ type: 'command', command: 'config', data: { listen: { enable: true } } }));
    ws.send(
      JSON.stringify({ type: 'command', command: 'conf:participant-action', data: { action: 'mute' } }),
    );
    await application.hasRead(connection);
    expect(simulator.refused.map(({ reason }) => reason).slice(2, -1)).toEqual([
      'command dance is unknown or not simulated',
      'listen needs a url',
      'the call is not in a conference',
    ]);
  });

  it('refuses the next command on demand, and sends raw frames to the application', async () => {
    const { application, call, simulator } = await startBench();
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    const connection = await application.connection('/jambonz');
    placed.faults.refuseNextCommand();
    application.command(connection, 'record', { action: 'startCallRecording', type: 'cloud' });
    application.command(connection, 'call:status', { call_status: 'completed' });
    await application.message('call:status completed');
    expect(simulator.refused).toMatchObject([{ reason: 'refused on demand' }]);
    expect(placed.recorderState).toBe('off');
    placed.faults.sendRawToApp('{"type":');
    expect(await application.message('metadata')).toEqual({ unreadable: '{"type":' });
  });
});

describe('a dropped application socket', () => {
  it('is opened again after half a second with the stale session:new, and the call lives on', async () => {
    const { application, call, media } = await startBench();
    application.answer = (message) => {
      if (message['type'] === 'session:reconnect') return [{ verb: 'hangup' }]; // ignored
      return dialling(message);
    };
    const placed = call();
    await placed.whenConnected;
    const first = await application.message('session:new');
    const droppedAtMs = performance.now();
    placed.faults.dropAppSocket();
    const again = await application.connection('/jambonz', 1);
    expect(again.openedAtMs - droppedAtMs).toBeGreaterThanOrEqual(499);
    const reconnect = await application.message('session:reconnect');
    expect(Object.keys(reconnect)).toEqual(['type', 'msgid', 'call_sid', 'data']);
    expect(reconnect['call_sid']).toBe(placed.callSid);
    expect(dataOf(reconnect)).toEqual(dataOf(first));
    expect(application.connections[0]?.closeCode).toBe(1006);
    expect(media.bridges).toMatchObject([{ undone: false }]);
    expect(placed.state).toBe('connected');
    placed.hangUpCaller();
    await placed.whenEnded;
    expect(again.messages.map(({ message }) => kindOf(message))).toEqual([
      'session:reconnect',
      'call:status completed',
      'call:status completed (child)',
      'verb:hook /dialdone',
    ]);
  });

  it('is opened at once for a message that comes up meanwhile, after the reconnect was acked', async () => {
    const { application, call } = await startBench();
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    placed.faults.dropAppSocket();
    await application.until(() => application.connections[0]?.closeCode);
    placed.hangUpAgent();
    await application.message('verb:hook /dialdone');
    expect(application.connections[1]?.messages.map(({ message }) => kindOf(message))).toEqual([
      'session:reconnect',
      'call:status completed (child)',
      'verb:hook /dialdone',
    ]);
  });

  it('hangs up when the reconnect is not acked', async () => {
    const { application, call } = await startBench({ timings: { ackMs: 150, reconnectMs: 20 } });
    application.answer = (message) => (message['type'] === 'session:reconnect' ? silence : dialling(message));
    const placed = call();
    await placed.whenConnected;
    placed.faults.dropAppSocket();
    expect(await placed.whenEnded).toEqual({ by: 'jambonz' });
    const completed = await application.message('call:status completed');
    expect(dataOf(completed)['call_termination_by']).toBe('jambonz');
  });

  it('takes the ack to the reconnect as the answer when session:new was not acked yet', async () => {
    const { application, call } = await startBench({ timings: { reconnectMs: 20 } });
    application.answer = (message, { ws }) => {
      if (message['type'] === 'session:new') {
        ws.terminate();
        return silence;
      }
      return message['type'] === 'session:reconnect' ? [dialAgent] : [];
    };
    const placed = call();
    await placed.whenConnected;
    expect(story(placed).slice(0, 7)).toEqual([
      '> ws-open',
      '> session:new',
      '> ws-close',
      '> ws-open',
      '> session:reconnect',
      '< ack',
      '> call:status trying',
    ]);
  });

  it('is never opened again after the application closed it with 1000; the call lives on uncontrolled', async () => {
    const { application, call, media } = await startBench({ timings: { reconnectMs: 5 } });
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    const connection = await application.connection('/jambonz');
    connection.ws.close(1000);
    await application.until(() => connection.closeCode);
    expect(media.bridges).toMatchObject([{ undone: false }]);
    placed.hangUpCaller();
    await placed.whenEnded;
    expect(application.connections).toHaveLength(1);
    expect(story(placed).at(-1)).toBe('> ws-close');
  });

  it('backs off twice as long after each failure, and reconnects when it can', async () => {
    const { application, call } = await startBench({ timings: { reconnectMs: 20 } });
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    const { port } = application;
    await application.close();
    // Waits after the drop: 20, 40, 80, 160 ms. The first attempts may find nobody at all.
    const attempts = await failedAttempts(port, 3);
    expect((attempts[1] ?? 0) - (attempts[0] ?? 0)).toBeGreaterThanOrEqual(39);
    expect((attempts[2] ?? 0) - (attempts[1] ?? 0)).toBeGreaterThanOrEqual(79);
    const successor = await TestApplication.start(port);
    try {
      successor.answer = () => [];
      await successor.message('session:reconnect');
      placed.hangUpCaller();
      await placed.whenEnded;
    } finally {
      await successor.close();
    }
  });

  it('is not tried again after an HTTP error until there is something to send', async () => {
    const { application, call } = await startBench({ timings: { reconnectMs: 10 } });
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    application.refuseWith = 503;
    placed.faults.dropAppSocket();
    await application.until(() => application.upgrades === 2);
    application.refuseWith = undefined;
    // Longer than several back-offs: another attempt would be seen here.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(application.upgrades).toBe(2);
    placed.hangUpAgent();
    await application.message('verb:hook /dialdone');
    expect(application.upgrades).toBe(3);
  });

  it('gives nothing in a stall, and all of it after', async () => {
    const { application, call } = await startBench();
    application.answer = dialling;
    const placed = call();
    await placed.whenConnected;
    const stalledAtMs = performance.now();
    placed.faults.stallAppSocket(100);
    placed.hangUpAgent();
    await application.message('verb:hook /dialdone');
    expect(performance.now() - stalledAtMs).toBeGreaterThanOrEqual(99);
    expect(application.connections).toHaveLength(1);
  });
});

/** Cuts the first connections to this port off, and tells when they came. */
async function failedAttempts(port: number, count: number): Promise<number[]> {
  const times: number[] = [];
  const server = createServer((socket) => {
    times.push(performance.now());
    socket.destroy();
    if (times.length === count) server.close();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'close');
  return times;
}
