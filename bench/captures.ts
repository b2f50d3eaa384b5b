import { startStack, type Stack } from '../simulators/stack/stack.ts';
import type { SimulatedCall } from '../simulators/jambonz/simulator.ts';
import type { EventStreamHandle } from '../simulators/stack/api-client.ts';
import { InstantMedia } from './instant-media.ts';
import { memoryOf, processorSeconds, type Memory } from './process-figures.ts';

/** A published test number without the same digit twice in a row. */
const CARD_NUMBER = '4242424242424242';
const EXPIRY = '1230';
const SECURITY_CODE = '123';
/** The media decides how: at once. */
const KEYING = { transport: 'rfc4733' } as const;
/** 16 digits each. */
const LATENCY_ROUNDS = 8;

interface Capture {
  readonly status: string;
  readonly fields: readonly { readonly field: string; readonly status: string; readonly digits: number }[];
}

const captureOf = (data: unknown): Capture => (data as { capture: Capture }).capture;

export interface CaptureFigures {
  readonly capturesPerSecond: number;
  readonly capturesPerProcessorSecond: number;
  /** From handing a key over to the agent's event, ms: with `latencyCalls` captures at a time, and with all. */
  readonly latencies: readonly number[];
  readonly latenciesUnderLoad: readonly number[];
  readonly perCall: Memory;
  readonly perOpenCapture: Memory;
}

export interface CaptureLoad {
  /** How many calls are up, each with captures one after the other. */
  readonly calls: number;
  readonly rounds: number;
  /** So few that neither process waits for a processor. */
  readonly latencyCalls: number;
}

/** Captures through one gateway process. */
export async function measureCaptures(load: CaptureLoad): Promise<CaptureFigures> {
  const stack = await startStack({
    bridge: 'conference',
    lines: load.calls,
    aroundMedia: (media) => new InstantMedia(media),
  });
  try {
    return await measure(stack, load);
  } finally {
    await stack.close();
  }
}

async function measure(
  stack: Stack,
  { calls: count, rounds, latencyCalls }: CaptureLoad,
): Promise<CaptureFigures> {
  const { pid } = stack.gateway();
  const idle = memoryOf(pid);
  const calls = await Promise.all(
    Array.from({ length: count }, async (_, line) => await stack.call({ line })),
  );
  const connected = memoryOf(pid);

  // The first captures also warm up; memory is read while all are open and keyed half.
  const open = await Promise.all(calls.map(async (_, line) => await begin(stack, line)));
  await Promise.all(calls.map(async ({ caller }) => await caller.key(CARD_NUMBER.slice(0, 8), KEYING)));
  const capturing = memoryOf(pid);
  await Promise.all(open.map(async ({ id, stream }) => await cancel(stack, id, stream)));

  const latencies = await chargeAll(stack, calls.slice(0, latencyCalls), LATENCY_ROUNDS);
  const startedAt = performance.now();
  const processorBefore = processorSeconds(pid);
  const latenciesUnderLoad = await chargeAll(stack, calls, rounds);
  const seconds = (performance.now() - startedAt) / 1000;
  const processor = processorSeconds(pid) - processorBefore;
  return {
    capturesPerSecond: (count * rounds) / seconds,
    capturesPerProcessorSecond: (count * rounds) / processor,
    latencies,
    latenciesUnderLoad,
    perCall: difference(connected, idle, count),
    perOpenCapture: difference(capturing, connected, count),
  };
}

function difference(after: Memory, before: Memory, count: number): Memory {
  return {
    resident: (after.resident - before.resident) / count,
    anonymous: (after.anonymous - before.anonymous) / count,
  };
}

/** `rounds` captures on each call, all calls at once. Returns how long each digit took. */
async function chargeAll(stack: Stack, calls: readonly SimulatedCall[], rounds: number): Promise<number[]> {
  const latencies: number[] = [];
  await Promise.all(
    calls.map(async (call, line) => {
      for (let round = 0; round < rounds; round += 1) latencies.push(...(await charge(stack, call, line)));
    }),
  );
  return latencies;
}

async function begin(stack: Stack, line: number): Promise<{ id: string; stream: EventStreamHandle }> {
  // A capture of the call before may still be letting go of its lock.
  for (;;) {
    const { status, body } = await stack.api.post('/v1/captures', {
      agent_id: stack.lines[line]?.agentId,
      purpose: 'charge',
      amount: { value: 100, currency: 'EUR' },
    });
    if (status === 201) {
      const { id } = body as { id: string };
      const stream = await stack.api.follow(`/v1/captures/${id}/events`);
      const event = await stream.until(({ data }) =>
        ['collecting', 'failed'].includes(captureOf(data).status),
      );
      if (captureOf(event.data).status === 'collecting') return { id, stream };
      stream.close();
    } else if (status !== 409) throw new Error(`the capture was refused: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function cancel(stack: Stack, id: string, stream: EventStreamHandle): Promise<void> {
  await stack.api.post(`/v1/captures/${id}/cancel`);
  await stream.ended;
}

async function charge(stack: Stack, { caller }: SimulatedCall, line: number): Promise<number[]> {
  const { id, stream } = await begin(stack, line);
  const accepted = async (field: string): Promise<void> => {
    const { data } = await stream.until((event) =>
      captureOf(event.data).fields.some(
        (entry) => entry.field === field && ['accepted', 'rejected'].includes(entry.status),
      ),
    );
    const taken = captureOf(data).fields.find((entry) => entry.field === field);
    if (taken?.status !== 'accepted') throw new Error(`${field} was rejected: keys were lost`);
  };
  const keyed = await caller.key(`${CARD_NUMBER}#`, KEYING);
  await accepted('card_number');
  await caller.key(EXPIRY, KEYING);
  await accepted('expiry');
  await caller.key(SECURITY_CODE, KEYING);
  await stream.until(({ data }) => captureOf(data).status === 'ready');
  await stack.api.post(`/v1/captures/${id}/submit`);
  const ended = await stream.until(({ data }) => ['succeeded', 'failed'].includes(captureOf(data).status));
  if (captureOf(ended.data).status !== 'succeeded') throw new Error('a capture failed');
  await stream.ended;
  return latenciesOf(
    stream,
    keyed.map(({ startMs }) => startMs),
  );
}

/** The event that first shows n digits belongs to the n-th key. */
function latenciesOf(stream: EventStreamHandle, pressedAt: readonly number[]): number[] {
  const latencies: number[] = [];
  for (const { atMs, data } of stream.events) {
    const digits = captureOf(data).fields.find(({ field }) => field === 'card_number')?.digits ?? 0;
    const pressed = pressedAt[latencies.length];
    if (digits === latencies.length + 1 && digits <= CARD_NUMBER.length && pressed !== undefined) {
      latencies.push(atMs - pressed);
    }
  }
  return latencies;
}
