import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { AccountEvent } from '../../../src/events/types.ts';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: AccountEvent;
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** Every request that arrived, whatever was answered. */
  readonly requests: Received[];
  /** The events that were taken (2xx), in order. */
  readonly taken: AccountEvent[];
  /** What is answered from now on; `hang` never answers. */
  answer: number | 'hang' | ((received: Received) => number);
  /** Resolves when this many requests have arrived. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface ReceiverOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent after the status, whatever its size. */
  readonly body?: string;
}

/** A webhook receiver on loopback, as an integrator could have it. */
export async function startReceiver({ tls, headers, body }: ReceiverOptions = {}): Promise<Receiver> {
  const waiting = new Set<() => void>();
  const requests: Received[] = [];
  const taken: AccountEvent[] = [];
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const received = {
        headers: request.headers,
        body: text,
        event: JSON.parse(text === '' ? '{}' : text) as AccountEvent,
      };
      requests.push(received);
      for (const check of waiting) check();
      const answer = typeof receiver.answer === 'function' ? receiver.answer(received) : receiver.answer;
      if (answer === 'hang') return;
      if (answer >= 200 && answer < 300) taken.push(received.event);
      response.on('error', () => undefined); // the sender may cut a long answer off
      response.writeHead(answer, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hooks`,
    port,
    requests,
    taken,
    answer: 200,
    arrived: async (count) =>
      await new Promise((resolve) => {
        const check = (): void => {
          if (requests.length < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
