import { describe, expect, it } from 'vitest';
import type { SimulatedCall } from '../../../../simulators/jambonz/simulator.ts';
import { type Bench, closeBenches, dialAgent, startBench } from './bench.ts';
import type { Connection, Message } from './test-application.ts';

closeBenches();

interface Listening {
  readonly bench: Bench;
  readonly placed: SimulatedCall;
  readonly control: Connection;
  readonly listen: (more?: Message) => void;
}

async function connectedCall(dial: Message = dialAgent): Promise<Listening> {
  const bench = await startBench();
  bench.application.answer = (message) => (message['type'] === 'session:new' ? [dial] : []);
  const placed = bench.call();
  await placed.whenConnected;
  const control = await bench.application.connection('/jambonz');
  return {
    bench,
    placed,
    control,
    listen: (more = {}) =>
      bench.application.command(control, 'config', {
        listen: {
          enable: true,
          url: bench.application.url('/listen'),
          passDtmf: true,
          mixType: 'mono',
          sampleRate: 8000,
          disableBidirectionalAudio: true,
          ...more,
        },
      }),
  };
}

const keysOf = (connection: Connection): unknown[] =>
  connection.messages.filter(({ message }) => message['event'] === 'dtmf').map(({ message }) => message);

describe('config listen', () => {
  it('opens a socket that tells about the call first, then sends audio and keys', async () => {
    const { bench, placed, listen } = await connectedCall();
    const { application } = bench;
    const askedAtMs = performance.now();
    listen({ metadata: { purpose: 'capture' }, wsAuth: { username: 'u', password: 'p' } });
    const socket = await application.connection('/listen');
    expect(socket.openedAtMs - askedAtMs).toBeGreaterThanOrEqual(44);
    expect(socket.protocol).toBe('audio.drachtio.org');
    expect(socket.request.headers.authorization).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`);
    await application.until(() => socket.frames.length > 2);
    expect(new Set(socket.frames)).toEqual(new Set([320]));
    const metadata = socket.messages[0]?.message ?? {};
    expect(Object.keys(metadata)).toEqual([
      'sampleRate',
      'mixType',
      'callSid',
      'direction',
      'from',
      'to',
      'callId',
      'sbcCallid',
      'sipStatus',
      'sipReason',
      'callStatus',
      'accountSid',
      'traceId',
      'applicationSid',
      'fsSipAddress',
      'originatingSipIp',
      'originatingSipTrunkName',
      'apiBaseUrl',
      'purpose',
    ]);
    expect(metadata).toMatchObject({ callSid: placed.callSid, mixType: 'mono', purpose: 'capture' });
    await placed.key('4*', { transport: 'rfc4733' });
    await application.until(() => keysOf(socket).length === 2);
    expect(keysOf(socket)).toEqual([
      { event: 'dtmf', dtmf: '4', duration: '800' },
      { event: 'dtmf', dtmf: '*', duration: '800' },
    ]);
  });

  it('closes with 1000 a moment after it is disabled, and works again', async () => {
    const { bench, control, listen } = await connectedCall();
    const { application } = bench;
    listen();
    const first = await application.connection('/listen');
    await application.until(() => first.frames.length > 0);
    const disabledAtMs = performance.now();
    application.command(control, 'config', { listen: { enable: false } });
    expect(await application.until(() => first.closeCode)).toBe(1000);
    expect(performance.now() - disabledAtMs).toBeGreaterThanOrEqual(44);
    listen();
    const second = await application.connection('/listen', 1);
    await application.until(() => second.frames.length > 0);
  });

  it('is not opened again after a drop and the application is told nothing, but it can be enabled again', async () => {
    const { bench, placed, control, listen } = await connectedCall();
    const { application } = bench;
    listen();
    const first = await application.connection('/listen');
    await application.until(() => first.frames.length > 0);
    const before = control.messages.length;
    placed.faults.dropListenSocket();
    expect(await application.until(() => first.closeCode)).toBe(1006);
    await placed.key('5', { transport: 'rfc4733' }); // lost
    await application.hasRead(control);
    expect(control.messages.slice(before).map(({ message }) => message['type'])).toEqual(['jambonz:error']);
    expect(application.connections).toHaveLength(2);
    listen();
    const second = await application.connection('/listen', 1);
    await application.until(() => second.frames.length > 0);
    expect(keysOf(second)).toEqual([]);
  });

  it('stays open and silent in a stall, and what was keyed then is lost', async () => {
    const { bench, placed, listen } = await connectedCall();
    const { application } = bench;
    listen();
    const socket = await application.connection('/listen');
    await application.until(() => socket.frames.length > 0);
    placed.faults.stallListenSocket(100);
    await placed.key('1', { transport: 'rfc4733' });
    const before = socket.frames.length;
    await application.until(() => socket.frames.length > before + 1);
    await placed.key('2', { transport: 'rfc4733' });
    await application.until(() => keysOf(socket)[0]);
    expect(keysOf(socket)).toMatchObject([{ dtmf: '2' }]);
    expect(socket.closeCode).toBeUndefined();
  });

  it('ignores a second enable while it runs', async () => {
    const { bench, placed, control, listen } = await connectedCall();
    listen();
    listen();
    await bench.application.hasRead(control);
    expect(bench.simulator.refused[0]).toMatchObject({
      callSid: placed.callSid,
      reason: 'listen is already running',
    });
  });

  it('is silent when the feature server dies: the socket stays, the control socket is gone for good', async () => {
    const { bench, placed, control, listen } = await connectedCall();
    const { application } = bench;
    listen();
    const socket = await application.connection('/listen');
    await application.until(() => socket.frames.length > 0);
    placed.faults.killFeatureServer();
    expect(await application.until(() => control.closeCode)).toBe(1006);
    await placed.key('1', { transport: 'rfc4733' });
    expect(keysOf(socket)).toEqual([]);
    expect(socket.closeCode).toBeUndefined();
    expect(placed.state).toBe('connected');
  });

  it('breaks the voice, and hears no key, when media was handed to the SBC before', async () => {
    const { bench, placed, listen } = await connectedCall({ ...dialAgent, anchorMedia: false });
    const { application, media } = bench;
    await new Promise((resolve) => setTimeout(resolve, 250)); // media is released 200 ms after the bridge
    listen();
    const socket = await application.connection('/listen');
    await application.until(() => socket.frames.length > 0);
    expect(media.bridges).toMatchObject([{ undone: true }]);
    await placed.key('7', { transport: 'rfc4733' });
    const before = socket.frames.length;
    await application.until(() => socket.frames.length > before);
    expect(keysOf(socket)).toEqual([]);
  });

  it('hears keys again after media:path full-media', async () => {
    const { bench, placed, control, listen } = await connectedCall({ ...dialAgent, anchorMedia: false });
    const { application, media } = bench;
    await new Promise((resolve) => setTimeout(resolve, 250));
    application.command(control, 'media:path', 'full-media');
    await application.hasRead(control);
    expect(media.bridges).toMatchObject([{ undone: true }]);
    await new Promise((resolve) => setTimeout(resolve, 80)); // the gap of 57 ms
    expect(media.bridges).toMatchObject([{ undone: true }, { undone: false }]);
    listen();
    const socket = await application.connection('/listen');
    await application.until(() => socket.frames.length > 0);
    await placed.key('7', { transport: 'rfc4733' });
    await application.until(() => keysOf(socket)[0]);
    expect(media.bridges[1]?.undone).toBe(false);
  });

  it('plays what the application streams to it, where that is enabled', async () => {
    const { bench, listen } = await connectedCall();
    const { application, media } = bench;
    listen({
      disableBidirectionalAudio: false,
      bidirectionalAudio: { enabled: true, streaming: true, sampleRate: 8000 },
    });
    const socket = await application.connection('/listen');
    await application.until(() => socket.frames.length > 0);
    socket.ws.send(Buffer.alloc(320));
    const before = socket.frames.length;
    await application.until(() => socket.frames.length > before + 1);
    expect(media.legs[0]?.log).toContain('play 160');
  });
});
