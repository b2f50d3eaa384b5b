import { decodeWithMultimon } from '../../simulators/audio/multimon.ts';
import { firstVoiceAfter, loudestPairWindowDbfs, rmsDbfs } from '../../simulators/audio/measure.ts';
import { decodeWithOurDetector } from '../../simulators/audio/our-detector.ts';
import { agentSpeech, callerSpeech } from '../../simulators/audio/speech.ts';
import { concatenate } from '../../simulators/audio/tones.ts';
import type { Phone } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';

const SAMPLES_PER_MS = 8;
const FRAME = 160;
/** Between the noise of a quiet line (−65 dBFS) and the softest speech. */
const SPEECH_DBFS = -45;
/** What no window of 10 ms may exceed where nothing of the caller is to be heard. */
const SILENT_DBFS = -60;
/** A pair of a key; the same limit, said on its own because it is another measurement. */
const NO_PAIR_DBFS = -60;
const AGENT_WINDOW_MS = 500;
/** What the agent's voice has at least in every window of 500 ms, since it has no pauses. It is −20 dBFS on average. */
const AGENT_VOICE_DBFS = -35;

/** Two seconds between recordings of which one decoder run is made. */
const BETWEEN_RECORDINGS = new Int16Array(16_000);

/** Speech without its pauses: whoever is heard at all is heard at every moment. */
function withoutPauses(speech: Int16Array): Int16Array {
  const frames: Int16Array[] = [];
  for (let at = 0; at + FRAME <= speech.length; at += FRAME) {
    if (rmsDbfs(speech, at, at + FRAME) > AGENT_VOICE_DBFS) frames.push(speech.subarray(at, at + FRAME));
  }
  return concatenate(frames);
}

export const steadyCaller = (): Int16Array => withoutPauses(callerSpeech());
export const steadyAgent = (): Int16Array => withoutPauses(agentSpeech());

/** What a phone heard in a call, on the clock of the test. Take it before or after the call has ended. */
export class Recording {
  readonly samples: Int16Array;
  readonly #startedAtMs: number;

  constructor(phone: Phone) {
    const { samples, startedAtMs } = phone.heard();
    this.samples = samples;
    this.#startedAtMs = startedAtMs;
  }

  at(timeMs: number): number {
    return Math.max(0, Math.round((timeMs - this.#startedAtMs) * SAMPLES_PER_MS));
  }

  between(fromMs: number, toMs: number): Int16Array {
    return this.samples.subarray(this.at(fromMs), this.at(toMs));
  }

  /** When the first voice after `fromMs` was heard; undefined: never. */
  voiceAfter(fromMs: number, thresholdDbfs = SPEECH_DBFS): number | undefined {
    const index = firstVoiceAfter(this.samples, this.at(fromMs), thresholdDbfs);
    return index === undefined ? undefined : this.#startedAtMs + index / SAMPLES_PER_MS;
  }
}

/** Digits on the agent leg, in the whole call, but for multimon-ng (`multimonProblems`). */
export function digitProblems(agent: Phone, heard: Recording): string[] {
  const problems: string[] = [];
  const events = agent.telephoneEventsHeard().length;
  if (events > 0) problems.push(`${events} telephone-event packets on the agent leg`);
  const decoded = decodeWithOurDetector(heard.samples).length;
  if (decoded > 0) problems.push(`our detector decodes ${decoded} digits on the agent leg`);
  return problems;
}

/** multimon-ng over many recordings in one run; only when it hears anything, each is decoded by itself. */
export async function multimonProblems(recordings: readonly (Recording | undefined)[]): Promise<string[][]> {
  const samples = recordings.map((recording) => recording?.samples ?? new Int16Array(0));
  const all = concatenate(samples.flatMap((part) => [part, BETWEEN_RECORDINGS]));
  if ((await decodeWithMultimon(all)).length === 0) return recordings.map(() => []);
  const decoded = await Promise.all(samples.map(async (part) => await decodeWithMultimon(part)));
  return decoded.map((digits) =>
    digits.length === 0 ? [] : [`multimon-ng decodes ${digits.length} digits on the agent leg`],
  );
}

/** Between the two times not one tone pair and no voice of the caller is on the agent leg. */
export function soundProblems(heard: Recording, fromMs: number, toMs: number): string[] {
  const problems: string[] = [];
  const part = heard.between(fromMs, toMs);
  const pair = loudestPairWindowDbfs(part);
  if (pair > NO_PAIR_DBFS) problems.push(`a tone pair of ${pair.toFixed(1)} dBFS on the agent leg`);
  const sound = firstVoiceAfter(part, 0, SILENT_DBFS);
  if (sound !== undefined) {
    const level = rmsDbfs(part, sound, sound + 80).toFixed(1);
    problems.push(`the agent hears the caller ${Math.round(sound / SAMPLES_PER_MS)} ms on (${level} dBFS)`);
  }
  return problems;
}

/** The agent, who never pauses, is heard by the caller in every window between the two times. */
export function agentVoiceProblems(call: SimulatedCall, fromMs: number, toMs: number): string[] {
  const part = new Recording(call.caller).between(fromMs, toMs);
  const window = AGENT_WINDOW_MS * SAMPLES_PER_MS;
  const gaps: number[] = [];
  for (let at = 0; at + window <= part.length; at += window / 5) {
    if (rmsDbfs(part, at, at + window) < AGENT_VOICE_DBFS) gaps.push(at / SAMPLES_PER_MS);
  }
  return gaps.length === 0 ? [] : [`the caller does not hear the agent at ${gaps.join(', ')} ms`];
}
