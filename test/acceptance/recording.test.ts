import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { firstVoiceAfter } from '../../simulators/audio/measure.ts';
import { decodeWithMultimon, multimonInstalled } from '../../simulators/audio/multimon.ts';
import { decodeWithOurDetector } from '../../simulators/audio/our-detector.ts';
import type { KeyedKey } from '../../simulators/jambonz/media/contract.ts';
import type { Recording, SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import { ACCOUNT, type Stack } from '../../simulators/stack/stack.ts';
import { keyCard, startCapture, startCheckedStack, talkingCall } from '../support/acceptance.ts';
import { APPROVED, submit } from '../support/charge.ts';
import { stepsOf, untilCall } from '../support/records.ts';

const CLOUD = { type: 'cloud' };
/** Without a `type` jambonz records by SIPREC, and it needs all of this again to start a second time. */
const SIPREC = { siprecServerURL: 'sip:recorder.hushtone.test', recordingID: 'recording-1001' };

/** A line each; all of them at the same time. */
const CASES = [
  { name: 'cloud', recording: CLOUD, transport: 'rfc4733' },
  { name: 'cloud', recording: CLOUD, transport: 'tones' },
  { name: 'siprec', recording: SIPREC, transport: 'rfc4733' },
  { name: 'siprec', recording: SIPREC, transport: 'tones' },
].map((entry, line) => ({ ...entry, line }) as const) as readonly RecordedLine[];

interface RecordedLine {
  readonly name: 'cloud' | 'siprec';
  readonly recording: Readonly<Record<string, string>>;
  readonly transport: 'rfc4733' | 'tones';
  readonly line: number;
}

/** Keyed before and after the capture, by way of proof that this recorder does get what is keyed. */
const BEFORE = '5';
const AFTER = '9';

const DUE_WITHIN_MS = 15_000;

/** The stack's own lines, but each with a recording of its own. */
const ROUTES = Object.fromEntries(
  CASES.map(({ recording, line }) => [
    `+1508308400${line}`,
    {
      account: ACCOUNT,
      agent: `agent-${line + 1}`,
      target: { type: 'phone', number: String(2000 + line), trunk: 'agents' },
      recording,
    },
  ]),
);

/** The keys that both decoders find; they must agree. */
async function decode(samples: Int16Array): Promise<string> {
  const found = decodeWithOurDetector(samples).join('');
  if (multimonInstalled()) expect((await decodeWithMultimon(samples)).join('')).toBe(found);
  return found;
}

/** Resolves with the recording of this place once it is running and has a voice. */
async function untilRecording(call: SimulatedCall, index: number): Promise<Recording> {
  return await vi.waitFor(
    () => {
      expect(call.recorderState).toBe('on');
      expect(call.recordings).toHaveLength(index + 1);
      const recording = call.recordings[index] as Recording;
      expect(recording.stoppedAtMs).toBeUndefined();
      expect(firstVoiceAfter(recording.samples), 'the recorder hears a voice').toBeDefined();
      return recording;
    },
    { timeout: DUE_WITHIN_MS, interval: 50 },
  );
}

/** Keys once and waits until the recorder has it: as an event, or as a tone in its audio. */
async function keyIntoRecording(
  call: SimulatedCall,
  index: number,
  key: string,
  transport: RecordedLine['transport'],
): Promise<void> {
  await call.caller.key(key, { transport });
  await vi.waitFor(
    () => {
      const { keys, samples } = call.recordings[index] as Recording;
      const found =
        transport === 'tones' ? decodeWithOurDetector(samples) : keys.map(({ dtmf }) => Number(dtmf));
      expect(found).toEqual([Number(key)]);
    },
    { timeout: DUE_WITHIN_MS, interval: 100 },
  );
}

function expectNotRunning(recordings: readonly Recording[], keyed: readonly KeyedKey[]): void {
  const fromMs = Math.min(...keyed.map(({ startMs }) => startMs));
  const toMs = Math.max(...keyed.map(({ endMs }) => endMs));
  for (const { startedAtMs, stoppedAtMs = Infinity } of recordings) {
    expect(stoppedAtMs < fromMs || startedAtMs > toMs, 'no recording runs while digits are keyed').toBe(true);
  }
}

/** What the gateway told jambonz about the recording, in order. */
const recordCommands = (call: SimulatedCall): unknown[] =>
  call.messages
    .filter(({ direction, message }) => direction === 'app->jambonz' && message['command'] === 'record')
    .map(({ message }) => message['data']);

describe.each(['dial', 'conference'] as const)('a recording over the %s bridge', (bridge) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge,
      lines: CASES.length,
      environment: { ROUTES: JSON.stringify(ROUTES) },
    });
  });
  afterAll(async () => await stack?.close());

  it.concurrent.each(CASES)(
    'of the $name kind has nothing that was keyed in the capture, and goes on after it: $transport',
    async ({ name, recording, transport, line }) => {
      const reference = `${name}-${transport}`;
      const call = await talkingCall(stack, { line });
      expect((await untilRecording(call, 0)).type).toBe(name);
      await keyIntoRecording(call, 0, BEFORE, transport);
      await untilCall(stack, line, { state: 'connected' });

      const capture = await startCapture(stack, { line, request: { reference } });
      await capture.untilStatus('collecting');
      expect(call.recorderState).toBe('off');
      const keyed = await keyCard(call, capture, APPROVED, { transport, onMs: 80, offMs: 60 });
      expect(call.recorderState).toBe('off');
      const { evidence } = await submit(stack, capture, reference, APPROVED);
      expect(stepsOf(evidence)).toContain('recording_stopped');
      expect(stepsOf(evidence).indexOf('recording_stopped')).toBeLessThan(
        stepsOf(evidence).indexOf('secured'),
      );

      expect((await untilRecording(call, 1)).type).toBe(name);
      await keyIntoRecording(call, 1, AFTER, transport);
      call.hangUpCaller();
      await call.whenEnded;

      expect(recordCommands(call)).toEqual([
        expect.objectContaining({ action: 'stopCallRecording' }),
        { ...recording, action: 'startCallRecording' },
      ]);
      expect(stack.simulator.refused.filter(({ callSid }) => callSid === call.callSid)).toEqual([]);
      const { recordings } = call;
      expectNotRunning(recordings, keyed);
      const [events, tones] =
        transport === 'tones'
          ? [
              ['', ''],
              [BEFORE, AFTER],
            ]
          : [
              [BEFORE, AFTER],
              ['', ''],
            ];
      expect(recordings.map(({ keys }) => keys.map(({ dtmf }) => dtmf).join(''))).toEqual(events);
      expect(await Promise.all(recordings.map(async ({ samples }) => await decode(samples)))).toEqual(tones);
    },
  );
});
