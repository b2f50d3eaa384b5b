import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { decodeBencodePrefix } from './bencode.ts';
import { LONGEST_COOKIE, splitFrame, type NgTransport, type NgTransportEvents } from './ng-transport.ts';

const FIRST_BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 5_000;

/** A connection that is silent for so long after an unanswered command is given up: its host may be gone. */
const SILENT_CONNECTION_MS = 10_000;

const LINE_FEED = 0x0a;

/**
 * ng over TCP (`--listen-tcp-ng`): frames follow each other with no separator, so the end of the bencode value is
 * the end of the frame. Connects at once and again after every loss. rtpengine closes a connection on which more than
 * 1,024 bytes of an unfinished command are waiting; ours are far shorter.
 */
export function createTcpTransport(
  peer: { readonly host: string; readonly port: number },
  events: NgTransportEvents,
  options: { readonly clock: Clock; readonly logger: Logger },
): NgTransport {
  const { clock, logger } = options;
  let socket: Socket | undefined;
  let usable = false;
  let connections = 0;
  let backOffMs = FIRST_BACK_OFF_MS;
  let retry: Timer | undefined;
  let heardAtMs = 0;
  let received: Buffer = Buffer.alloc(0);
  let closed = false;

  const open = (): void => {
    received = Buffer.alloc(0);
    const current = connect({ host: peer.host, port: peer.port, noDelay: true, keepAlive: true });
    socket = current;
    current.on('connect', () => {
      usable = true;
      backOffMs = FIRST_BACK_OFF_MS;
      heardAtMs = clock.monotonicMs();
      connections += 1;
      events.connected(connections > 1);
    });
    current.on('data', (chunk: Buffer) => {
      heardAtMs = clock.monotonicMs();
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      while (takeFrame(current));
    });
    current.on('error', (error) => logger.debug('rtpengine control connection', { error }));
    current.on('close', () => {
      usable = false;
      if (closed) return;
      retry = clock.after(backOffMs, open);
      backOffMs = Math.min(backOffMs * 2, LONGEST_BACK_OFF_MS);
    });
  };

  /** Takes one whole frame off what was received; false when there is none. */
  const takeFrame = (from: Socket): boolean => {
    const start = received.findIndex((byte) => byte !== LINE_FEED);
    received = received.subarray(start === -1 ? received.length : start);
    const frame = splitFrame(received);
    if (frame === undefined) {
      if (received.length > LONGEST_COOKIE) startAfresh(from);
      return false;
    }
    let body: ReturnType<typeof decodeBencodePrefix>;
    try {
      body = decodeBencodePrefix(received, frame.bodyStart);
    } catch (error) {
      startAfresh(from, error);
      events.unreadable(frame.cookie);
      return false;
    }
    if (body === undefined) return false;
    received = received.subarray(body.end);
    events.received(frame.cookie, body.value);
    return true;
  };

  /** A stream cannot be read on from the middle of a frame. */
  const startAfresh = (from: Socket, error?: unknown): void => {
    logger.warn('rtpengine sent what is not an ng message; connecting again', { error });
    received = Buffer.alloc(0);
    usable = false;
    from.resetAndDestroy();
  };

  open();
  return {
    reliable: true,
    send(frame) {
      if (usable) socket?.write(frame);
    },
    unanswered() {
      // With a reset, not an end: a command that waits in a buffer must not be carried out after a later one that
      // went over the next connection.
      if (usable && clock.monotonicMs() - heardAtMs >= SILENT_CONNECTION_MS) socket?.resetAndDestroy();
    },
    async close() {
      closed = true;
      usable = false;
      retry?.cancel();
      const current = socket;
      if (current === undefined || current.closed) return;
      await new Promise<void>((resolve) => {
        current.once('close', () => resolve());
        current.destroy();
      });
    },
  };
}
