import { setTimeout as delay } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import type {
  KeyedKey,
  KeyingOptions,
  Phone,
  PhoneOptions,
} from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { LedgerEntry } from '../../simulators/sandbox-provider/ledger.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource, EvidenceResource } from '../../src/workflows/contract.ts';
import { captureOf, startCapture, talkingCall, type FollowedCapture } from './acceptance.ts';
import { agentOf } from './agent-ear.ts';
import type { TestCard } from './card-numbers.ts';
import {
  agentVoiceProblems,
  digitProblems,
  multimonProblems,
  Recording,
  soundProblems,
  steadyAgent,
  steadyCaller,
} from './masked-leg.ts';
import { inParallel, turns } from './parallel.ts';

/** Nothing of a key may be heard for this long after its end. */
const TAIL_MS = 300;
/** For conditions that need no keying, on a busy machine too. */
const DUE_WITHIN_MS = 10_000;
const MOST_FAILURES_SHOWN = 12;
/** So many calls come up, and captures are being secured, at a time: no office's callers all ring in one moment. */
const STARTING_AT_ONCE = 6;
/** How long a caller who is not heard by the agent waits with the second key. */
const TALKS_UNHEARD_MS = 5000;
/** A caller who was lost track of ends the trial, not the whole test. */
const CAPTURE_SECONDS = 60;

/** What is keyed into the fields, in their order. */
export interface FieldKeys {
  readonly card_number: string;
  readonly expiry: string;
  readonly security_code: string;
  readonly postal_code?: string;
}

type FieldName = keyof FieldKeys;
const FIELDS: readonly FieldName[] = ['card_number', 'expiry', 'security_code', 'postal_code'];

/** One capture: what the caller means, what the caller presses for it, and how. */
export interface KeyTrial {
  readonly reference: string;
  readonly card: TestCard;
  readonly values: FieldKeys;
  readonly keys: FieldKeys;
  readonly keying: KeyingOptions;
  /** How often the keys end the card number too early, on purpose. Default 0. */
  readonly rejections?: number;
  readonly caller?: Partial<PhoneOptions>;
  readonly request?: Readonly<Record<string, unknown>>;
  /** The agent may hear nothing of the caller from the first key to the last: the guard never opens. */
  readonly guarded: boolean;
  /**
   * The caller talks for this long before and after the first key, and unless `guarded` until the agent hears it.
   * Default 0: keys at once and straight on.
   */
  readonly talkMs?: number;
  /** Called when the capture is masked and waits for keys. */
  readonly beforeKeying?: () => Promise<void>;
  /** The line loses packets: a value may be rejected, and the capture is cancelled then. It is never a wrong value. */
  readonly lossy?: boolean;
}

export interface KeyOutcome {
  readonly trial: KeyTrial;
  readonly problems: string[];
  readonly agentHeard?: Recording;
  readonly evidence?: EvidenceResource;
  /** Of a lossy line: what was rejected, and why. */
  readonly rejected?: string;
  /** Of a caller who talks and is not guarded throughout: the agent heard the caller before the second key. */
  readonly voiceBack?: boolean | undefined;
}

/** Keys every trial in a call of its own, as many at once as the stack has lines, and holds the ledger against them. */
export async function runTrials(stack: Stack, trials: readonly KeyTrial[]): Promise<KeyOutcome[]> {
  const starting = turns(STARTING_AT_ONCE);
  const outcomes = await inParallel(trials, stack.lines.length, async (trial, line) => {
    const started = await starting.take();
    try {
      const call = await connectedCall(stack, line, trial);
      try {
        return await runTrial(stack, line, call, trial, started);
      } finally {
        call.hangUpCaller();
        await call.whenEnded;
      }
    } catch (error) {
      return { trial, problems: [String(error)] };
    } finally {
      started();
    }
  });
  return await withLedgerAndMultimon(stack, outcomes);
}

/** Adds what the ledger and multimon-ng say. The ledger must have no entry but those of these trials. */
export async function withLedgerAndMultimon(
  stack: Stack,
  outcomes: readonly KeyOutcome[],
): Promise<KeyOutcome[]> {
  const ledger = await stack.provider.admin.ledger();
  const multimon = await multimonProblems(outcomes.map(({ agentHeard }) => agentHeard));
  const references = new Set(outcomes.map(({ trial }) => trial.reference));
  expect(ledger.filter(({ reference }) => !references.has(reference ?? ''))).toEqual([]);
  return outcomes.map((outcome, index) => ({
    ...outcome,
    problems: [...outcome.problems, ...ledgerProblems(ledger, outcome), ...(multimon[index] ?? [])],
  }));
}

/** A line for each trial that went wrong, a dozen of them at most: compare with `[]`. */
export function failuresOf(outcomes: readonly KeyOutcome[]): string[] {
  return outcomes
    .filter(({ problems }) => problems.length > 0)
    .slice(0, MOST_FAILURES_SHOWN)
    .map(({ trial, problems, evidence }) => {
      const { reference, card, keys } = trial;
      const what = `${reference} ${card.brand} ${Object.values(keys).join(' ')}: ${problems.join('; ')}`;
      return evidence === undefined ? what : `${what} [${timelineOf(evidence)}]`;
    });
}

/** A call that the gateway, too, knows to be connected; caller and agent talk without a pause. */
export async function connectedCall(
  stack: Stack,
  line: number,
  { caller }: Pick<KeyTrial, 'caller'>,
): Promise<SimulatedCall> {
  const call = await talkingCall(stack, {
    line,
    caller: { speech: steadyCaller(), ...caller },
    agent: { speech: steadyAgent() },
  });
  await untilCall(stack, line, { state: 'connected' });
  return call;
}

async function untilCall(
  stack: Stack,
  line: number,
  wanted: Readonly<Record<string, unknown>>,
): Promise<void> {
  const agentId = stack.lines[line]?.agentId;
  await vi.waitFor(
    async () => {
      const { calls } = (await stack.api.get('/v1/calls')).body as { calls: { agent_id: string }[] };
      expect(calls.find(({ agent_id: id }) => id === agentId)).toMatchObject(wanted);
    },
    { timeout: DUE_WITHIN_MS, interval: 100 },
  );
}

/** One capture on a call, from its request until the agent hears the caller again. `masked`: digits are accepted now. */
export async function runTrial(
  stack: Stack,
  line: number,
  call: SimulatedCall,
  trial: KeyTrial,
  masked: () => void = () => undefined,
): Promise<KeyOutcome> {
  const capture = await startCapture(stack, { line, request: requestOf(trial) });
  try {
    return await follow(stack, line, call, trial, capture, masked);
  } catch (error) {
    throw new Error(`${String(error)}; ${await whereItStands(stack, capture)}`, { cause: error });
  }
}

/** What a failed trial is judged by: the last status, and what masking did when. */
async function whereItStands(stack: Stack, capture: FollowedCapture): Promise<string> {
  const { status, reason, fields = [] } = capture.latest() ?? {};
  const { body } = await stack.api.get(`/v1/captures/${capture.id}/evidence`);
  return [
    `${status} ${reason ?? ''}`,
    ...fields.map((field) => `${field.field} ${field.status} ${field.reason ?? ''}`),
    timelineOf(body as Partial<EvidenceResource>),
  ].join(', ');
}

function timelineOf({
  steps = [],
  transport,
  duplicates_dropped: dropped,
}: Partial<EvidenceResource>): string {
  const timeline = steps.map(({ at_ms: atMs, step, detail = '' }) => `${step}@${Math.round(atMs)} ${detail}`);
  return [`transport ${transport}`, `${dropped} duplicates dropped`, ...timeline].join(', ');
}

async function follow(
  stack: Stack,
  line: number,
  call: SimulatedCall,
  trial: KeyTrial,
  capture: FollowedCapture,
  masked: () => void,
): Promise<KeyOutcome> {
  const agent = agentOf(call);
  const collecting = await capture.stream.until((event) => captureOf(event).status === 'collecting');
  masked();
  await trial.beforeKeying?.();
  const { keyed, rejected, voiceBack } = await keyFields(call, capture, trial);
  const ended = await endCapture(capture, rejected);
  const problems: string[] = [];
  if (rejected === undefined && ended.status !== (trial.card.declined ? 'declined' : 'succeeded')) {
    problems.push(`it ended as ${ended.status}`);
  }
  if (rejected !== undefined && trial.lossy !== true) problems.push(`rejected: ${rejected}`);
  await untilCall(stack, line, { masked: false });
  await untilVoice(agent);

  const agentHeard = new Recording(agent);
  const endedMs = capture.stream.events.at(-1)?.atMs ?? performance.now();
  const lastUpMs = Math.max(...keyed.map(({ endMs }) => endMs));
  if (trial.guarded) problems.push(...soundProblems(agentHeard, collecting.atMs, lastUpMs + TAIL_MS));
  problems.push(...digitProblems(agent, agentHeard));
  problems.push(...agentVoiceProblems(call, collecting.atMs, endedMs));
  const { body } = await stack.api.get(`/v1/captures/${capture.id}/evidence`);
  return {
    trial,
    problems,
    agentHeard,
    evidence: body as EvidenceResource,
    ...(rejected !== undefined && { rejected }),
    voiceBack,
  };
}

function requestOf({ reference, keys, request }: KeyTrial): Readonly<Record<string, unknown>> {
  const fields = FIELDS.filter((field) => keys[field] !== undefined);
  return {
    reference,
    timeout_seconds: CAPTURE_SECONDS,
    fields: fields.map((field) => ({ field, max_attempts: 5 })),
    ...request,
  };
}

async function keyFields(
  call: SimulatedCall,
  capture: FollowedCapture,
  trial: KeyTrial,
): Promise<Pick<KeyOutcome, 'rejected' | 'voiceBack'> & { readonly keyed: KeyedKey[] }> {
  const { keys, keying, talkMs = 0 } = trial;
  const keyed: KeyedKey[] = [];
  let voiceBack: boolean | undefined;
  const key = async (characters: string): Promise<void> => {
    keyed.push(...(await call.caller.key(characters, keying)));
  };
  for (const field of FIELDS) {
    const characters = keys[field];
    if (characters === undefined) continue;
    if (field === 'card_number' && talkMs > 0) {
      await delay(talkMs);
      await key(characters.slice(0, 1));
      await delay(talkMs);
      const [first] = keyed;
      if (!trial.guarded && first !== undefined) voiceBack = await isHeardAgain(agentOf(call), first.startMs);
      await key(characters.slice(1));
    } else {
      await key(characters);
    }
    const rejections = field === 'card_number' ? (trial.rejections ?? 0) : 0;
    const settled = await capture.until((state) => isSettled(state, field, rejections));
    const entry = settled.fields.find((candidate) => candidate.field === field);
    if (entry?.status !== 'accepted')
      return { keyed, rejected: `${field} ${entry?.reason ?? settled.status}`, voiceBack };
  }
  return { keyed, voiceBack };
}

function isSettled(capture: CaptureResource, field: FieldName, rejections: number): boolean {
  const entry = capture.fields.find((candidate) => candidate.field === field);
  return (
    entry?.status === 'accepted' || (entry?.attempts ?? 0) > rejections || entry?.reason === 'interrupted'
  );
}

async function endCapture(capture: FollowedCapture, rejected: string | undefined): Promise<CaptureResource> {
  if (rejected !== undefined) await capture.command('cancel');
  else {
    await capture.untilStatus('ready');
    await capture.command('submit');
  }
  return await capture.until(({ ended_at: endedAt }) => endedAt !== undefined);
}

async function untilVoice(agent: Phone, fromMs = performance.now(), withinMs = DUE_WITHIN_MS): Promise<void> {
  await vi.waitFor(
    () => expect(new Recording(agent).voiceAfter(fromMs), 'the agent hears the caller again').toBeDefined(),
    { timeout: withinMs, interval: 100 },
  );
}

async function isHeardAgain(agent: Phone, fromMs: number): Promise<boolean> {
  return await untilVoice(agent, fromMs, TALKS_UNHEARD_MS).then(
    () => true,
    () => false,
  );
}

function ledgerProblems(ledger: readonly LedgerEntry[], outcome: KeyOutcome): string[] {
  const { values, card, reference } = outcome.trial;
  const entries = ledger.filter((entry) => entry.reference === reference);
  const wanted = outcome.rejected === undefined ? 1 : 0;
  const problems = entries.length === wanted ? [] : [`${entries.length} entries in the ledger`];
  const result = card.declined ? 'declined' : 'succeeded';
  const meant = [...FIELDS.map((field) => values[field]), result].join(' ');
  for (const { cardNumber, expiry, securityCode, postalCode, result: got } of entries) {
    const text = [cardNumber, expiry, securityCode, postalCode, got].join(' ');
    if (text !== meant) problems.push(`the ledger has ${text}`);
  }
  return problems;
}
