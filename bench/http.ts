import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../simulators/stack/api-client.ts';
import { startStack, type Stack } from '../simulators/stack/stack.ts';

const CAPTURE = { purpose: 'charge', amount: { value: 100, currency: 'EUR' } };
const POLL_MS = 20;

/** Requests a second, through so many connections at once. */
export interface HttpFigures {
  /** `GET /v1/captures/{id}`: token, role, scope and row-level security included. */
  readonly reads: number;
  /** `POST /v1/captures`, each on a call of its own, written with its audit record before it is answered. */
  readonly creates: number;
  /** The same requests to a route of Fastify's that does nothing. */
  readonly bareReads: number;
  readonly bareCreates: number;
}

/** One after the other on each of the connections; each answer must have this status. */
async function throughput(
  atOnce: number,
  each: number,
  expected: number,
  ask: (connection: number) => Promise<{ readonly status: number; readonly body: unknown }>,
): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async (_, connection) => {
      for (let count = 0; count < each; count += 1) {
        const { status, body } = await ask(connection);
        if (status !== expected) throw new Error(`answered with ${status}: ${JSON.stringify(body)}`);
      }
    }),
  );
  return (atOnce * each) / ((performance.now() - startedAt) / 1000);
}

/**
 * Authenticated requests to one gateway process beside a bare route, in turns, so that both see the same machine.
 * `calls`: live calls, and connections; `rounds`: captures on each.
 */
export async function measureHttp(calls = 10, rounds = 5, reads = 200): Promise<HttpFigures> {
  const stack = await startStack({
    bridge: 'conference',
    lines: calls,
    environment: { RATE_LIMIT_ADDRESS: '0', RATE_LIMIT_CLIENT: '0', RATE_LIMIT_ACCOUNT: '0' },
  });
  try {
    for (let line = 0; line < calls; line += 1) await stack.call({ line });
    return await beside(stack, calls, rounds, reads);
  } finally {
    await stack.close();
  }
}

async function beside(stack: Stack, calls: number, rounds: number, reads: number): Promise<HttpFigures> {
  const { certificate, key } = stack.pki.server;
  const script = fileURLToPath(new URL('./bare-route.js', import.meta.url));
  const child = spawn(process.execPath, [script, certificate, key], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const bare = new ApiClient({
    baseUrl: `https://127.0.0.1:${port}`,
    ca: stack.caCertificate,
    token: 'none',
  });
  try {
    const capture = await create(stack, 0);
    const path = `/v1/captures/${capture}`;
    const read = async (): Promise<number> =>
      await throughput(calls, reads, 200, async () => await stack.api.get(path));
    const readBare = async (): Promise<number> =>
      await throughput(calls, reads, 200, async () => await bare.get('/'));
    // The first turn of each warms up.
    await readBare();
    await read();
    const [bareReads, gatewayReads] = [await readBare(), await read()];
    await cancel(stack, capture);
    await creating(stack, calls);
    let seconds = 0;
    for (let round = 0; round < rounds; round += 1) seconds += await creating(stack, calls);
    const bareCreates = await throughput(calls, reads, 201, async () => await bare.post('/', CAPTURE));
    return { reads: gatewayReads, bareReads, creates: (calls * rounds) / seconds, bareCreates };
  } finally {
    bare.close();
    child.stdin.end();
    await once(child, 'exit');
  }
}

async function create(stack: Stack, line: number): Promise<string> {
  const { status, body } = await stack.api.post('/v1/captures', {
    agent_id: stack.lines[line]?.agentId,
    ...CAPTURE,
  });
  if (status !== 201) throw new Error(`a capture was refused: ${JSON.stringify(body)}`);
  return (body as { id: string }).id;
}

/** Ends a capture, and waits until its call is free for another: a lock takes a moment to open. */
async function cancel(stack: Stack, id: string): Promise<void> {
  const { body } = await stack.api.post(`/v1/captures/${id}/cancel`);
  const { call_id: call } = body as { call_id: string };
  for (;;) {
    const answer = await stack.api.post(`/v1/calls/${call}/release`);
    if ((answer.body as { code?: string }).code !== 'capture_running') return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A capture on every call at once. Returns how long that took, s; what follows is not counted. */
async function creating(stack: Stack, calls: number): Promise<number> {
  const startedAt = performance.now();
  const ids = await Promise.all(Array.from({ length: calls }, async (_, line) => await create(stack, line)));
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.all(ids.map(async (id) => await cancel(stack, id)));
  return seconds;
}
