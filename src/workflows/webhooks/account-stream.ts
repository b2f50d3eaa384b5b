import { startListener } from '../../db/listener.ts';
import type { Database } from '../../db/database.ts';
import { lastAccountSequence, readAccountEvents } from '../../events/account-event-store.ts';
import { EventFeed } from '../../events/feed.ts';
import { ACCOUNT_EVENTS_CHANNEL } from '../../events/outbox-store.ts';
import type { AccountEvent } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { AccountEventDesk } from './contract.ts';

/** Stored events are read this many at a time. */
const PAGE = 100;
/** A database that does not answer is asked again after this long, this many times. */
const RETRY_AFTER_MS = 1000;
const MOST_FAILURES = 5;

export interface AccountStreamOptions {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The stored events of accounts, and word from the database whenever one has new ones, whatever process wrote them. */
export class AccountStream implements AccountEventDesk {
  readonly #options: AccountStreamOptions;
  readonly #news = new EventFeed<undefined>();
  readonly #everyone = new Set<() => void>();
  #stop: () => Promise<void> = async () => undefined;

  constructor(options: AccountStreamOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const listener = await startListener({
      url: this.#options.databaseUrl,
      channel: ACCOUNT_EVENTS_CHANNEL,
      onNotification: (accountId) => this.#news.publish(accountId, undefined),
      onGap: () => {
        for (const wake of this.#everyone) wake();
      },
      clock: this.#options.clock,
      logger: this.#options.logger,
    });
    this.#stop = async () => await listener.close();
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  async follow(
    { accountId }: Parameters<AccountEventDesk['follow']>[0],
    afterSequence: number | undefined,
    listener: (events: readonly AccountEvent[]) => Promise<void>,
    failed: () => void,
  ): ReturnType<AccountEventDesk['follow']> {
    const { database } = this.#options;
    let closed = false;
    let fresh = true;
    let reading = true;
    let last = 0;

    const isClosed = (): boolean => closed;
    const pump = async (): Promise<void> => {
      try {
        while (fresh && !isClosed()) {
          fresh = false;
          last = await this.#tell(accountId, last, listener, isClosed);
        }
      } catch (error) {
        if (closed) return;
        close();
        this.#options.logger.warn('an event stream cannot be read on', { accountId, error });
        failed();
      } finally {
        reading = false;
      }
    };
    const wake = (): void => {
      fresh = true;
      if (reading || closed) return;
      reading = true;
      void pump();
    };
    // Before the first look, so that nothing falls between the two.
    const unsubscribe = this.#news.subscribe(accountId, wake);
    this.#everyone.add(wake);
    const close = (): void => {
      closed = true;
      unsubscribe();
      this.#everyone.delete(wake);
    };
    try {
      last =
        afterSequence ??
        (await database.transaction(accountId, async (db) => await lastAccountSequence(db, accountId)));
    } catch (error) {
      close();
      throw error;
    }
    void pump();
    return { close };
  }

  /** Hands over everything after `after`, page by page. Returns the last number. */
  async #tell(
    accountId: string,
    after: number,
    listener: (events: readonly AccountEvent[]) => Promise<void>,
    isClosed: () => boolean,
  ): Promise<number> {
    let last = after;
    for (;;) {
      const page = await this.#read(accountId, last);
      if (isClosed() || page.length === 0) return last;
      await listener(page);
      last = page.at(-1)?.sequence ?? last;
      if (page.length < PAGE) return last;
    }
  }

  async #read(accountId: string, after: number): Promise<AccountEvent[]> {
    const { database, clock } = this.#options;
    for (let failures = 1; ; failures += 1) {
      try {
        return await database.transaction(
          accountId,
          async (db) => await readAccountEvents(db, accountId, after, PAGE),
        );
      } catch (error) {
        if (failures >= MOST_FAILURES) throw error;
      }
      await new Promise<void>((resolve) => void clock.after(RETRY_AFTER_MS, resolve));
    }
  }
}
