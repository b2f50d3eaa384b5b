import type { AuditEntry } from '../../audit/entry.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Database } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import type { EventFeed } from '../../events/feed.ts';
import { publish } from '../../events/outbox-store.ts';
import { appendCaptureEvents } from '../../events/store.ts';
import type { NewAccountEvent } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { CaptureEvent, CaptureEventType, CaptureResource } from '../contract.ts';
import { endUnsentPayment } from '../payments/unsent.ts';
import { updateCapture } from '../stores/capture-store.ts';
import { untilWritten } from '../until-written.ts';
import { accountEventsOf } from './account-events.ts';
import { captureChanged, type Cause } from './capture-audit.ts';
import { isEnded } from './resource.ts';

/** A sequence number that is taken. */
const SEQUENCE_CONSTRAINT = 'capture_events_pkey';

export interface CaptureEventLogOptions {
  readonly database: Database;
  readonly feed: EventFeed<CaptureEvent>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly accountId: string;
}

/** What led to an event: the capture before it, and why it changed. */
export interface Change {
  readonly before: CaptureResource;
  readonly cause: Cause;
}

interface Unwritten {
  readonly event: CaptureEvent;
  readonly audited: AuditEntry | undefined;
  /** What the whole account is told of it. */
  readonly told: readonly NewAccountEvent[];
}

/**
 * The events of one running capture: numbered and published at once, written to the database behind, the audit
 * records of the same changes in the same transaction. A client that
 * follows sees a key press within milliseconds; one that comes later, or again, gets the same events from the
 * database (`flush` first).
 */
export class CaptureEventLog {
  readonly #options: CaptureEventLogOptions;
  #sequence = 0;
  #unwritten: Unwritten[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: CaptureEventLogOptions) {
    this.#options = options;
  }

  record(type: CaptureEventType, capture: CaptureResource, { before, cause }: Change): void {
    this.#sequence += 1;
    const event: CaptureEvent = { sequence: this.#sequence, type, at: capture.updated_at, capture };
    const audited = captureChanged(this.#options.accountId, before, capture, cause);
    this.#unwritten.push({ event, audited, told: accountEventsOf(before, capture) });
    this.#options.feed.publish(capture.id, event);
    this.#writing ??= this.#write();
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
    // In the same step as the check: an event that is recorded from here on starts a new write.
    this.#writing = undefined;
  }

  async #writeBatch(batch: readonly Unwritten[]): Promise<void> {
    const { clock, logger } = this.#options;
    const latest = batch.at(-1)?.event.capture;
    if (latest === undefined) return;
    await untilWritten(
      async (failures) => {
        try {
          await this.#writeOnce(batch, latest);
        } catch (error) {
          // A commit whose answer was lost with the connection: the whole batch is there already.
          if (failures === 0 || violatedConstraint(error) !== SEQUENCE_CONSTRAINT) throw error;
        }
      },
      clock,
      (error) =>
        logger.error('capture events not written', { captureId: latest.id, count: batch.length, error }),
    );
  }

  async #writeOnce(batch: readonly Unwritten[], latest: CaptureResource): Promise<void> {
    const { database, accountId } = this.#options;
    const rows = batch.map(({ event }) => ({
      sequence: event.sequence,
      type: event.type,
      payload: event,
      createdAt: new Date(event.at),
    }));
    await database.transaction(accountId, async (db) => {
      await appendCaptureEvents(db, accountId, latest.id, rows);
      // Ended by another process, which took this one for dead: it has told the account how.
      const ours = await updateCapture(db, latest);
      const ended = ours && isEnded(latest) ? await endUnsentPayment(db, latest) : [];
      if (ours) {
        await publish(
          db,
          accountId,
          batch.flatMap(({ told }) => told),
        );
      }
      await appendAudit(db, [...batch.flatMap(({ audited }) => audited ?? []), ...ended]);
    });
  }
}
