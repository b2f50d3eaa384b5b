import { appendAudit } from '../../audit/store.ts';
import type { Database } from '../../db/database.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { shredDueCardTokens } from '../../vault/tokens/card-token-store.ts';
import { cardTokenEntry } from './audit.ts';

/**
 * Tokens whose time is over are looked for this often, and shredded this many at a time. Nobody can use them from their
 * `expires_at` on, whenever the job comes to them.
 */
const SHRED_EVERY_MS = 10 * 60 * 1000;
const PAGE = 200;

export interface RetentionOptions {
  readonly database: Database;
  readonly clock: Clock;
}

/**
 * Shreds the cards of all accounts that were to be kept until now, each with its audit record. Several processes may
 * do so at once. Resolves with how many there were.
 */
export async function shredDueCards({ database, clock }: RetentionOptions): Promise<number> {
  for (let shredded = 0; ;) {
    const page = await database.systemTransaction(async (db) => {
      const due = await shredDueCardTokens(db, clock.now(), PAGE);
      await appendAudit(
        db,
        due.map(({ accountId, id: tokenId, expiresAt }) =>
          cardTokenEntry({ accountId, tokenId }, 'card_token.delete', {
            reason: 'expired',
            before: { expires_at: expiresAt.toISOString() },
          }),
        ),
      );
      return due.length;
    });
    shredded += page;
    if (page < PAGE) return shredded;
  }
}

/** Shreds at the start and then regularly. */
export function startRetention(options: RetentionOptions & { readonly logger: Logger }): {
  stop(): Promise<void>;
} {
  const { clock, logger } = options;
  let timer: Timer | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      const count = await shredDueCards(options);
      if (count > 0) logger.info('card tokens shredded at the end of their time', { count });
    } catch (error) {
      logger.warn('card tokens whose time is over not shredded', { error });
    }
    if (!stopped) {
      timer = clock.after(SHRED_EVERY_MS, () => {
        running = round();
      });
    }
  };
  let running = round();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}
