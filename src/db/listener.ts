import { Client } from 'pg';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';

/** A connection that was lost is made again after this long. */
const RECONNECT_AFTER_MS = 1000;
const CONNECT_TIMEOUT_MS = 5000;

export interface ListenerOptions {
  readonly url: string;
  readonly channel: string;
  readonly onNotification: (payload: string) => void;
  /** Called each time that listening begins again: what was told in between is lost. */
  readonly onGap: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Listener {
  close(): Promise<void>;
}

/** Listens to NOTIFY on a connection of its own. Rejects when the first connection cannot be made. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { url, channel, onNotification, onGap, clock, logger } = options;
  let closed = false;
  let client: Client | undefined;
  let timer: Timer | undefined;

  const connect = async (): Promise<void> => {
    const next = new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'hushtone events',
    });
    let lost = false;
    const lose = (error?: unknown): void => {
      if (lost || client !== next) return;
      lost = true;
      client = undefined;
      if (closed) return;
      logger.warn('the connection that listens for events was lost', { error });
      later();
    };
    next.on('error', lose);
    next.on('end', () => lose());
    next.on('notification', ({ payload }) => onNotification(payload ?? ''));
    try {
      await next.connect();
      await next.query(`LISTEN ${next.escapeIdentifier(channel)}`);
    } catch (error) {
      await next.end().catch(() => undefined); // never connected: nothing is left to close
      throw error;
    }
    if (closed) await next.end();
    else client = next;
  };
  const later = (): void => {
    timer = clock.after(RECONNECT_AFTER_MS, () => void connect().then(onGap, later));
  };

  await connect();
  return {
    async close() {
      closed = true;
      timer?.cancel();
      await client?.end();
    },
  };
}
