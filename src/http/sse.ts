import type { FastifyReply } from 'fastify';

/** A comment this often keeps proxies from closing a silent stream. */
const HEARTBEAT_MS = 15_000;
/** A client that reads so slowly that this much waits for it is disconnected; it can come back with Last-Event-ID. */
const LARGEST_BACKLOG_BYTES = 256 * 1024;
/** A client has this long to read what is left of a stream that has ended. */
const CLOSE_WITHIN_MS = 10_000;

export const EVENT_STREAM_TYPE = 'text/event-stream; charset=utf-8';

export interface ServerSentEvent {
  readonly sequence: number;
  readonly type: string;
  /** JSON, one line. */
  readonly data: string;
}

export interface EventStream {
  send(event: ServerSentEvent): void;
  /** Resolves when what was sent has left this process, or never will: for what is read from a store, page by page. */
  drained(): Promise<void>;
  /** Ends the stream after what was sent. */
  close(): void;
  /** Cuts the stream, as a lost connection would: the client comes back and learns why. */
  abort(): void;
  /** Called once, whichever side ends the stream; at once when it is over already. */
  onClose(callback: () => void): void;
}

/** Takes over the reply and writes server-sent events (WHATWG HTML, section 9.2) to it. */
export function openEventStream(reply: FastifyReply): EventStream {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': EVENT_STREAM_TYPE,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.flushHeaders();
  raw.socket?.setNoDelay(true);
  const heartbeat = setInterval(() => write(': heartbeat\n\n'), HEARTBEAT_MS);
  heartbeat.unref();
  raw.once('close', () => clearInterval(heartbeat));

  const write = (text: string): void => {
    if (raw.writableEnded || raw.destroyed) return;
    raw.write(text);
    if (raw.writableLength > LARGEST_BACKLOG_BYTES) raw.destroy();
  };
  return {
    send: ({ sequence, type, data }) => write(`id: ${sequence}\nevent: ${type}\ndata: ${data}\n\n`),
    async drained() {
      if (raw.writableEnded || raw.destroyed || !raw.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          raw.off('drain', done).off('close', done);
          resolve();
        };
        raw.on('drain', done).on('close', done);
      });
    },
    close() {
      if (raw.writableEnded || raw.destroyed) return;
      raw.end();
      const cut = setTimeout(() => raw.destroy(), CLOSE_WITHIN_MS);
      cut.unref();
      raw.once('close', () => clearTimeout(cut));
    },
    abort: () => void raw.destroy(),
    onClose(callback) {
      if (raw.closed) callback();
      else raw.once('close', callback);
    },
  };
}
