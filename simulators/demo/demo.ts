import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeWav } from '../audio/wav.ts';
import { agentSpeech, callerSpeech } from '../audio/speech.ts';
import type { KeyedKey } from '../jambonz/media/contract.ts';
import type { SimulatedCall } from '../jambonz/simulator.ts';
import { rtpengineInstalled } from '../rtpengine/daemon.ts';
import type { EventStreamHandle, StreamedEvent } from '../stack/api-client.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { holdCall } from './hold.ts';
import { readOptions, USAGE, type DemoOptions } from './options.ts';
import { Timeline } from './timeline.ts';
import { judge } from './verdict.ts';

const OUTPUT = 'demo-output';
/** Stripe's published test numbers. */
const APPROVED = '4242424242424242';
const DECLINED = '4000000000000002';
const EXPIRY = '1230';
const SECURITY_CODE = '123';
const AMOUNT = { value: 4200, currency: 'EUR' };
/** Talk before the capture and after it, so that the recordings show that the call goes on. */
const TALK_MS = 1500;

interface Capture {
  readonly id: string;
  readonly status: string;
  readonly fields: readonly {
    readonly field: string;
    readonly status: string;
    readonly digits: number;
    readonly brand?: string;
    readonly last4?: string;
  }[];
  readonly payment?: {
    readonly status: string;
    readonly decline_reason?: string;
    readonly authorization_code?: string;
  };
}

/** The whole main job with a simulated telephone system. Returns the exit code. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const options = readOptions(args, rtpengineInstalled());
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${USAGE}`);
    return 2;
  }
  process.stdout.write(
    `Hushtone demo: bridge ${options.bridge}, transport ${options.transport}\n\nstarting `,
  );
  const stack = await startStack({
    bridge: options.bridge,
    onProgress: (text) => process.stdout.write(`· ${text} `),
  });
  process.stdout.write('\n');
  try {
    return options.hold ? await hold(stack, options) : await run(stack, options);
  } finally {
    await stack.close();
  }
}

async function connect(stack: Stack): Promise<SimulatedCall> {
  const call = await stack.call({
    caller: { speech: callerSpeech() },
    agent: { speech: agentSpeech() },
  });
  call.caller.setSpeaking(true);
  call.agent?.setSpeaking(true);
  return call;
}

async function hold(stack: Stack, options: DemoOptions): Promise<number> {
  const call = await connect(stack);
  await holdCall(stack, call, options.transport);
  return 0;
}

async function run(stack: Stack, options: DemoOptions): Promise<number> {
  const timeline = new Timeline();
  const cardNumber = options.decline ? DECLINED : APPROVED;
  const call = await connect(stack);
  const { agent } = call;
  if (agent === undefined) throw new Error('the agent was not called');
  timeline.add(performance.now(), 'caller', 'is connected to the agent; both talk');
  await delay(TALK_MS);

  timeline.add(
    performance.now(),
    'agent',
    `asks for a capture of ${AMOUNT.value / 100} ${AMOUNT.currency} (POST /v1/captures)`,
  );
  const started = await stack.api.post('/v1/captures', {
    agent_id: stack.lines[0]?.agentId,
    purpose: 'charge',
    amount: AMOUNT,
    reference: 'demo-1',
  });
  if (started.status !== 201) throw new Error(`the capture was refused: ${JSON.stringify(started.body)}`);
  const { id } = started.body as Capture;
  const stream = await stack.api.follow(`/v1/captures/${id}/events`);
  const keyed = await keyAndSubmit(stack, stream, call, options, id, cardNumber, timeline);
  await stream.ended;
  await delay(TALK_MS);
  timeline.add(performance.now(), 'caller', 'hangs up');
  const heard = agent.heard();
  const callerHeard = call.caller.heard();
  call.hangUpCaller();
  await call.whenEnded;

  describeEvents(stream.events, timeline);
  const evidence = (await stack.api.get(`/v1/captures/${id}/evidence`)).body;
  await leave(callerHeard.samples, heard.samples, stream.events);
  process.stdout.write(`\n${timeline.render()}\n`);
  const verdict = await judge({
    stack,
    options,
    cardNumber,
    keyed,
    agent,
    heard,
    stream,
    evidence,
    output: resolve(OUTPUT),
  });
  process.stdout.write(`\n${verdict.text}\n`);
  return verdict.good ? 0 : 1;
}

/** The caller keys what the agent's page asks for; the agent charges the card when everything is there. */
async function keyAndSubmit(
  stack: Stack,
  stream: EventStreamHandle,
  call: SimulatedCall,
  options: DemoOptions,
  captureId: string,
  cardNumber: string,
  timeline: Timeline,
): Promise<KeyedKey[]> {
  const { transport } = options;
  const keyed: KeyedKey[] = [];
  const press = async (what: string, keys: string): Promise<void> => {
    const pressed = await call.caller.key(keys, { transport });
    keyed.push(...pressed);
    timeline.add(pressed[0]?.startMs ?? performance.now(), 'caller', `keys ${what} (${keys.length} keys)`);
  };
  const accepted = async (field: string): Promise<void> => {
    await stream.until(({ data }) =>
      captureOf(data).fields.some((entry) => entry.field === field && entry.status === 'accepted'),
    );
  };
  await stream.until(({ data }) => captureOf(data).status === 'collecting');
  await press('the card number and #', `${cardNumber}#`);
  await accepted('card_number');
  await press('the expiry date', EXPIRY);
  await accepted('expiry');
  await press('the security code', SECURITY_CODE);
  await stream.until(({ data }) => captureOf(data).status === 'ready');
  timeline.add(performance.now(), 'agent', 'charges the card (POST …/submit)');
  await stack.api.post(`/v1/captures/${captureId}/submit`);
  return keyed;
}

const captureOf = (data: unknown): Capture => (data as { capture: Capture }).capture;

/** What the agent's page would show, from the events that it got. */
function describeEvents(events: readonly StreamedEvent[], timeline: Timeline): void {
  let shown = '';
  for (const { atMs, data } of events) {
    const capture = captureOf(data);
    const fields = capture.fields
      .map(({ field, status, digits, brand, last4 }) => {
        const card = last4 === undefined ? '' : ` ${brand ?? ''} •••• ${last4}`;
        return `${field} ${status === 'accepted' ? `accepted${card}` : `${'•'.repeat(digits)}${digits === 0 ? '–' : ''}`}`;
      })
      .join(', ');
    const { payment } = capture;
    const money = payment
      ? ` | payment ${payment.status}${payment.decline_reason ? ` (${payment.decline_reason})` : ''}`
      : '';
    const text = `sees: ${capture.status} | ${fields}${money}`;
    if (text !== shown) timeline.add(atMs, 'agent', text);
    shown = text;
  }
}

async function leave(caller: Int16Array, agent: Int16Array, events: readonly StreamedEvent[]): Promise<void> {
  await mkdir(OUTPUT, { recursive: true });
  writeWav(join(OUTPUT, 'caller.wav'), caller);
  writeWav(join(OUTPUT, 'agent.wav'), agent);
  const lines = events.map(({ data }) => `${JSON.stringify(data)}\n`);
  await writeFile(join(OUTPUT, 'agent-events.ndjson'), lines.join(''));
}
