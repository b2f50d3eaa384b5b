import type { FastifyReply } from 'fastify';

/** A comment this often keeps proxies from closing a silent stream. */
const HEARTBEAT_MS = 15_000;
/** A client that reads so slowly that this much waits for it is disconnected; it can come back with Last-Event-ID. */
const LARGEST_BACKLOG_BYTES = 256 * 1024;

export interface ServerSentEvent {
  readonly sequence: number;
  readonly type: string;
  /** JSON, one line. */
  readonly data: string;
}

export interface EventStream {
  send(event: ServerSentEvent): void;
  close(): void;
  /** Called once, whichever side ends the stream. */
  onClose(callback: () => void): void;
}

/** Takes over the reply and writes server-sent events (WHATWG HTML, section 9.2) to it. */
export function openEventStream(reply: FastifyReply): EventStream {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.flushHeaders();
  raw.socket?.setNoDelay(true);
  const heartbeat = setInterval(() => raw.write(': heartbeat\n\n'), HEARTBEAT_MS);
  heartbeat.unref();
  raw.once('close', () => clearInterval(heartbeat));
  return {
    send(event) {
      if (raw.writableEnded || raw.destroyed) return;
      raw.write(`id: ${event.sequence}\nevent: ${event.type}\ndata: ${event.data}\n\n`);
      if (raw.writableLength > LARGEST_BACKLOG_BYTES) raw.destroy();
    },
    close() {
      if (!raw.writableEnded) raw.end();
    },
    onClose(callback) {
      raw.once('close', callback);
    },
  };
}
