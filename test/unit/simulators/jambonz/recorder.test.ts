import { describe, expect, it } from 'vitest';
import type { SimulatedCall } from '../../../../simulators/jambonz/simulator.ts';
import { type Bench, closeBenches, dialAgent, startBench } from './bench.ts';
import type { Connection, Message } from './test-application.ts';

closeBenches();

const siprec = { action: 'startCallRecording', siprecServerURL: 'sip:127.0.1.12:5060', recordingID: 'rec1' };
const cloud = { action: 'startCallRecording', type: 'cloud' };

async function recordedCall(
  record: Message,
): Promise<{ bench: Bench; placed: SimulatedCall; control: Connection }> {
  const bench = await startBench();
  bench.application.answer = (message) =>
    message['type'] === 'session:new' ? [{ verb: 'answer' }, { verb: 'config', record }, dialAgent] : [];
  const placed = bench.call();
  await placed.whenConnected;
  return { bench, placed, control: await bench.application.connection('/jambonz') };
}

/** Starting and stopping take 44 ms. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

const keysOf = (placed: SimulatedCall): string[] =>
  placed.recordings.map(({ keys }) => keys.map(({ dtmf }) => dtmf).join(''));

describe('the recorder', () => {
  it.each([
    ['siprec', siprec],
    ['cloud', cloud],
  ])('gets no key between stop and start (%s)', async (type, start) => {
    const { bench, placed, control } = await recordedCall(start);
    await settle();
    expect(placed.recorderState).toBe('on');
    await placed.key('12', { transport: 'rfc4733' });
    bench.application.command(control, 'record', { action: 'stopCallRecording', type });
    await bench.application.hasRead(control);
    await settle();
    expect(placed.recorderState).toBe('off');
    await placed.key('34', { transport: 'rfc4733' });
    bench.application.command(control, 'record', start);
    await bench.application.hasRead(control);
    await settle();
    await placed.key('56', { transport: 'rfc4733' });
    expect(keysOf(placed)).toEqual(['12', '56']);
    const [first, second] = placed.recordings;
    expect(first).toMatchObject({ type });
    expect(first?.samples.length).toBeGreaterThan(0);
    expect(first?.stoppedAtMs).toBeLessThan(second?.startedAtMs ?? 0);
    placed.hangUpCaller();
    await placed.whenEnded;
    expect(placed.recordings[1]?.stoppedAtMs).toBeDefined();
  });

  it('still gets keys while it is paused: pausing does not protect', async () => {
    const { bench, placed, control } = await recordedCall(cloud);
    await settle();
    bench.application.command(control, 'record', { action: 'pauseCallRecording', type: 'cloud' });
    await bench.application.hasRead(control);
    const before = placed.recordings[0]?.samples.length;
    await placed.key('9', { transport: 'rfc4733' });
    await settle();
    expect(keysOf(placed)).toEqual(['9']);
    expect(placed.recordings[0]?.samples.length).toBe(before);
  });

  it('still gets keys for a moment after the stop command', async () => {
    const { bench, placed, control } = await recordedCall(cloud);
    await settle();
    bench.application.command(control, 'record', { action: 'stopCallRecording', type: 'cloud' });
    await bench.application.hasRead(control);
    await placed.key('8', { transport: 'rfc4733' });
    expect(keysOf(placed)).toEqual(['8']);
  });

  it('ignores a start while it runs, a stop while it does not, and SIPREC without a server', async () => {
    const { bench, control } = await recordedCall(siprec);
    const { application } = bench;
    application.command(control, 'record', siprec);
    application.command(control, 'record', { action: 'stopCallRecording' });
    application.command(control, 'record', { action: 'stopCallRecording' });
    application.command(control, 'record', { action: 'startCallRecording' });
    await application.hasRead(control);
    expect(bench.simulator.refused.map(({ reason }) => reason).slice(0, 3)).toEqual([
      'recording is already started',
      'recording is already stopped',
      'siprecServerURL is missing',
    ]);
  });
});
