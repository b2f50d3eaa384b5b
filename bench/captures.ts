import { startStack, type Stack } from '../simulators/stack/stack.ts';
import type { SimulatedCall } from '../simulators/jambonz/simulator.ts';
import type { EventStreamHandle } from '../simulators/stack/api-client.ts';
import { PacedKeys } from './paced-keys.ts';
import { percentile, processorSeconds, residentBytes } from './process-figures.ts';

/** A published test number without the same digit twice in a row. */
const CARD_NUMBER = '4242424242424242';
const EXPIRY = '1230';
const SECURITY_CODE = '123';

interface Capture {
  readonly status: string;
  readonly fields: readonly { readonly field: string; readonly status: string; readonly digits: number }[];
}

const captureOf = (data: unknown): Capture => (data as { capture: Capture }).capture;

export interface CaptureFigures {
  readonly calls: number;
  readonly capturesPerSecond: number;
  readonly capturesPerProcessorSecond: number;
  /** From handing a key over to the agent's event, ms. */
  readonly latencies: readonly number[];
  readonly bytesPerCall: number;
  readonly bytesPerOpenCapture: number;
}

/** `calls` calls at once through one gateway process, `rounds` captures on each. */
export async function measureCaptures(calls: number, rounds: number): Promise<CaptureFigures> {
  const keys = new PacedKeys();
  const stack = await startStack({
    bridge: 'conference',
    lines: calls,
    aroundMedia: (media) => keys.around(media),
  });
  try {
    return await measure(stack, keys, calls, rounds);
  } finally {
    await stack.close();
  }
}

async function measure(
  stack: Stack,
  keys: PacedKeys,
  count: number,
  rounds: number,
): Promise<CaptureFigures> {
  const { pid } = stack.gateway();
  const idle = residentBytes(pid);
  const calls = await Promise.all(
    Array.from({ length: count }, async (_, line) => await stack.call({ line })),
  );
  const connected = residentBytes(pid);

  // The first round also warms up; its memory is read while every capture is open and keyed half.
  const open = await Promise.all(calls.map(async (_, line) => await begin(stack, line)));
  await Promise.all(calls.map(async (call) => await keys.press(call.caller, CARD_NUMBER.slice(0, 8))));
  const capturing = residentBytes(pid);
  await Promise.all(open.map(async ({ id, stream }) => await cancel(stack, id, stream)));

  const latencies: number[] = [];
  const startedAt = performance.now();
  const processorBefore = processorSeconds(pid);
  await Promise.all(
    calls.map(async (call, line) => {
      for (let round = 0; round < rounds; round += 1)
        latencies.push(...(await charge(stack, keys, call, line)));
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const processor = processorSeconds(pid) - processorBefore;
  return {
    calls: count,
    capturesPerSecond: (count * rounds) / seconds,
    capturesPerProcessorSecond: (count * rounds) / processor,
    latencies,
    bytesPerCall: (connected - idle) / count,
    bytesPerOpenCapture: (capturing - connected) / count,
  };
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

async function charge(stack: Stack, keys: PacedKeys, call: SimulatedCall, line: number): Promise<number[]> {
  const { id, stream } = await begin(stack, line);
  const accepted = async (field: string): Promise<unknown> =>
    await stream.until(({ data }) =>
      captureOf(data).fields.some((entry) => entry.field === field && entry.status === 'accepted'),
    );
  const pressedAt = await keys.press(call.caller, `${CARD_NUMBER}#`);
  await accepted('card_number');
  await keys.press(call.caller, EXPIRY);
  await accepted('expiry');
  await keys.press(call.caller, SECURITY_CODE);
  await stream.until(({ data }) => captureOf(data).status === 'ready');
  await stack.api.post(`/v1/captures/${id}/submit`);
  const ended = await stream.until(({ data }) => ['succeeded', 'failed'].includes(captureOf(data).status));
  if (captureOf(ended.data).status !== 'succeeded') throw new Error('a capture failed');
  await stream.ended;
  return latenciesOf(stream, pressedAt);
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

export const p50 = (figures: readonly number[]): number => percentile(figures, 0.5);
export const p99 = (figures: readonly number[]): number => percentile(figures, 0.99);
