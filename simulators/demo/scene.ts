import { setTimeout as delay } from 'node:timers/promises';
import type { CaptureResource, EvidenceResource } from '../../src/workflows/contract.ts';
import { agentSpeech, callerSpeech } from '../audio/speech.ts';
import type { DtmfTransport, KeyedKey, Phone } from '../jambonz/media/contract.ts';
import type { SimulatedCall } from '../jambonz/simulator.ts';
import type { EventStreamHandle } from '../stack/api-client.ts';
import type { Stack } from '../stack/stack.ts';
import { captureOf } from './agent-page.ts';
import type { Timeline } from './timeline.ts';

export const AMOUNT = { value: 4200, currency: 'EUR' };
const EXPIRY = '1230';
const SECURITY_CODE = '123';
/** Talk before the capture, between its fields and after it, so that the recordings show who hears whom. */
const TALK_MS = 1500;
/** A person who is asked for a card number finds the card first. */
const REACTION_MS = 900;

const SENT_AS: Readonly<Record<DtmfTransport, string>> = {
  rfc4733: 'RFC 4733 events',
  info: 'SIP INFO',
  tones: 'audible tones',
  bleed: 'RFC 4733 events with a tone lead',
};

/** What happened, as each party has it. */
export interface Scene {
  readonly keyed: readonly KeyedKey[];
  readonly stream: EventStreamHandle;
  readonly evidence: EvidenceResource;
  /** `performance.now()` ms. */
  readonly connectedAtMs: number;
  readonly caller: Recorded;
  readonly agent: Recorded;
}

export interface Recorded {
  readonly phone: Phone;
  readonly heard: ReturnType<Phone['heard']>;
}

/** Caller and agent, connected and talking. */
export async function connect(stack: Stack): Promise<{ call: SimulatedCall; agent: Phone }> {
  const call = await stack.call({ caller: { speech: callerSpeech() }, agent: { speech: agentSpeech() } });
  if (call.agent === undefined) throw new Error('the agent was not called');
  call.caller.setSpeaking(true);
  call.agent.setSpeaking(true);
  return { call, agent: call.agent };
}

/** One call from its connection to the caller's good-bye, with a card payment in the middle. */
export async function playScene(
  stack: Stack,
  transport: DtmfTransport,
  cardNumber: string,
  timeline: Timeline,
): Promise<Scene> {
  const { call, agent } = await connect(stack);
  const connectedAtMs = performance.now();
  timeline.add(connectedAtMs, 'caller', 'is connected to the agent; both talk');
  await delay(TALK_MS);
  timeline.add(performance.now(), 'agent', 'asks for a capture of 42.00 EUR (POST /v1/captures)');
  const { id } = await request(stack);
  const stream = await stack.api.follow(`/v1/captures/${id}/events`);
  const keyed = await keyCard(stream, call, transport, cardNumber, timeline);
  await delay(REACTION_MS);
  timeline.add(performance.now(), 'agent', 'charges the card (POST …/submit)');
  await stack.api.post(`/v1/captures/${id}/submit`);
  await stream.ended;
  await delay(TALK_MS);
  timeline.add(performance.now(), 'caller', 'hangs up');
  const caller = { phone: call.caller, heard: call.caller.heard() };
  const recorded = { phone: agent, heard: agent.heard() };
  call.hangUpCaller();
  await call.whenEnded;
  const evidence = (await stack.api.get(`/v1/captures/${id}/evidence`)).body as EvidenceResource;
  return { keyed, stream, evidence, connectedAtMs, caller, agent: recorded };
}

async function request(stack: Stack): Promise<CaptureResource> {
  const { status, body } = await stack.api.post('/v1/captures', {
    agent_id: stack.lines[0]?.agentId,
    purpose: 'charge',
    amount: AMOUNT,
    reference: 'demo-1',
  });
  if (status !== 201) throw new Error(`the capture was refused: ${JSON.stringify(body)}`);
  return body as CaptureResource;
}

/** The caller keys what is asked for, field by field, and again what was rejected. */
async function keyCard(
  stream: EventStreamHandle,
  call: SimulatedCall,
  transport: DtmfTransport,
  cardNumber: string,
  timeline: Timeline,
): Promise<KeyedKey[]> {
  const all: KeyedKey[] = [];
  await stream.until((event) => captureOf(event).status === 'collecting');
  for (const [field, name, keys] of [
    ['card_number', 'the card number and #', `${cardNumber}#`],
    ['expiry', 'the expiry date', EXPIRY],
    ['security_code', 'the security code', SECURITY_CODE],
  ] as const) {
    for (let rejected = 0; ; rejected += 1) {
      await delay(REACTION_MS);
      const keyed = await call.caller.key(keys, { transport });
      all.push(...keyed);
      const [first, last] = [keyed[0], keyed.at(-1)];
      const seconds = (((last?.endMs ?? 0) - (first?.startMs ?? 0)) / 1000).toFixed(1);
      const startMs = first?.startMs ?? performance.now();
      timeline.add(
        startMs,
        'caller',
        `keys ${name}: ${keyed.length} keys in ${seconds} s, as ${SENT_AS[transport]}`,
      );
      if (await taken(stream, field, rejected)) break;
    }
  }
  await stream.until((event) => captureOf(event).status === 'ready');
  return all;
}

/** Whether what was keyed last was accepted. Throws when the capture ended instead. */
async function taken(stream: EventStreamHandle, name: string, rejectedBefore: number): Promise<boolean> {
  const event = await stream.until((seen) => {
    const field = captureOf(seen).fields.find((each) => each.field === name);
    return (
      captureOf(seen).ended_at !== undefined ||
      field?.status === 'accepted' ||
      (field?.attempts ?? 0) > rejectedBefore
    );
  });
  const { fields, status, reason, ended_at: endedAt } = captureOf(event);
  if (endedAt !== undefined)
    throw new Error(`the capture ${status}${reason === undefined ? '' : `: ${reason}`}`);
  return fields.find(({ field }) => field === name)?.status === 'accepted';
}
