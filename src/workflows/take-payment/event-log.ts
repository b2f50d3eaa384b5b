import type { Database } from '../../db/database.ts';
import type { EventFeed } from '../../events/feed.ts';
import { appendCaptureEvents } from '../../events/store.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { CaptureEvent, CaptureEventType, CaptureResource } from '../contract.ts';
import { updateCapture } from '../stores/capture-store.ts';

/** A write that the database refused is tried again after this long, the last one until it succeeds. */
const RETRY_AFTER_MS = [100, 500, 2000, 5000] as const;

/**
 * The events of one running capture: numbered and published at once, written to the database behind. A client that
 * follows sees a key press within milliseconds; one that comes later, or again, gets the same events from the
 * database (`flush` first).
 */
export class CaptureEventLog {
  readonly #database: Database;
  readonly #feed: EventFeed<CaptureEvent>;
  readonly #logger: Logger;
  readonly #accountId: string;
  #sequence = 0;
  #unwritten: CaptureEvent[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: {
    database: Database;
    feed: EventFeed<CaptureEvent>;
    logger: Logger;
    accountId: string;
  }) {
    this.#database = options.database;
    this.#feed = options.feed;
    this.#logger = options.logger;
    this.#accountId = options.accountId;
  }

  get sequence(): number {
    return this.#sequence;
  }

  record(type: CaptureEventType, capture: CaptureResource): void {
    this.#sequence += 1;
    const event: CaptureEvent = { sequence: this.#sequence, type, at: capture.updated_at, capture };
    this.#unwritten.push(event);
    this.#feed.publish(capture.id, event);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when everything recorded so far is written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    // Let the events of one turn of the event loop share a transaction.
    await Promise.resolve();
    while (this.#unwritten.length > 0) {
      const batch = this.#unwritten;
      this.#unwritten = [];
      await this.#writeBatch(batch);
    }
  }

  async #writeBatch(batch: readonly CaptureEvent[]): Promise<void> {
    const latest = batch.at(-1)?.capture;
    if (latest === undefined) return;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#database.transaction(this.#accountId, async (db) => {
          await appendCaptureEvents(
            db,
            this.#accountId,
            latest.id,
            batch.map((event) => ({
              sequence: event.sequence,
              type: event.type,
              payload: event,
              createdAt: new Date(event.at),
            })),
          );
          await updateCapture(db, latest);
        });
        return;
      } catch (error) {
        const wait = RETRY_AFTER_MS[attempt] ?? 5000;
        this.#logger.error('capture events not written', {
          captureId: latest.id,
          count: batch.length,
          error,
        });
        await new Promise((resolve) => setTimeout(resolve, wait).unref());
      }
    }
  }
}
