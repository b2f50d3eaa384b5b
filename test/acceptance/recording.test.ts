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

/** Keyed before and after the capture: proof that this recorder does get what is keyed. No digit of the card. */
const BEFORE = '5';
const AFTER = '9';

const DUE_WITHIN_MS = 15_000;
/** 500 ms: a tone is in the recording by then. */
const HEARD_LATE_SAMPLES = 4000;

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

/** The different keys that each decoder finds. */
async function decode(samples: Int16Array): Promise<string[]> {
  const found: (string | number)[][] = [decodeWithOurDetector(samples)];
  if (multimonInstalled()) found.push(await decodeWithMultimon(samples));
  return found.map((keys) => [...new Set(keys)].join(''));
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

/** Keys once, and waits until the recorder has what was sent while it was keyed. */
async function keyIntoRecording(
  call: SimulatedCall,
  index: number,
  key: string,
  { transport }: RecordedLine,
): Promise<void> {
  await call.caller.key(key, { transport });
  const { length } = (call.recordings[index] as Recording).samples;
  await vi.waitFor(
    () => {
      const { keys, samples } = call.recordings[index] as Recording;
      expect(samples.length).toBeGreaterThan(length + HEARD_LATE_SAMPLES);
      expect(keys.map(({ dtmf }) => dtmf)).toEqual(transport === 'tones' ? [] : [key]);
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
  const recorded: { readonly transport: string; readonly recordings: readonly Recording[] }[] = [];

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
    async (recordedLine) => {
      const { name, recording, transport, line } = recordedLine;
      const reference = `${name}-${transport}`;
      const call = await talkingCall(stack, { line });
      // The recorder mixes both sides: a voice over a tone could hide it from a decoder.
      call.agent?.setSpeaking(false);
      expect((await untilRecording(call, 0)).type).toBe(name);
      await keyIntoRecording(call, 0, BEFORE, recordedLine);
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
      await keyIntoRecording(call, 1, AFTER, recordedLine);
      call.hangUpCaller();
      await call.whenEnded;

      expect(recordCommands(call)).toEqual([
        expect.objectContaining({ action: 'stopCallRecording' }),
        { ...recording, action: 'startCallRecording' },
      ]);
      expect(stack.simulator.refused.filter(({ callSid }) => callSid === call.callSid)).toEqual([]);
      expectNotRunning(call.recordings, keyed);
      recorded.push({ transport, recordings: call.recordings });
    },
  );

  // After all calls: a decoder at work could hold up their audio.
  it('no decoder finds a key of the capture in any of them', async () => {
    expect(recorded).toHaveLength(CASES.length);
    for (const { transport, recordings } of recorded) {
      const found = await Promise.all(recordings.map(async ({ samples }) => await decode(samples)));
      expect(found.map((keys) => [...new Set(keys)])).toEqual(
        transport === 'tones' ? [[BEFORE], [AFTER]] : [[''], ['']],
      );
    }
  });
});
