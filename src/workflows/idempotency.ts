import { createHash, createHmac } from 'node:crypto';
import { canonicalJson } from '../audit/canonical-json.ts';
import type { Database, Queryable } from '../db/database.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type {
  Actor,
  IdempotencyClaim,
  IdempotencyDesk,
  IdempotentRequest,
  StoredAnswer,
} from './contract.ts';
import {
  abandonIdempotencyKey,
  deleteIdempotencyKeys,
  findIdempotencyKey,
  finishIdempotencyKey,
  insertIdempotencyKey,
  releaseIdempotencyKey,
  takeOverIdempotencyKey,
} from './stores/idempotency-store.ts';
import { untilWritten } from './until-written.ts';

/** A key and its answer are kept this long. */
const KEPT_MS = 24 * 60 * 60 * 1000;
/** No request takes so long: after it the process that had it is taken for dead. */
const IN_FLIGHT_MS = 60_000;
/** A row may be released between a failed insert and the look at it; more often than this it is somebody's. */
const MOST_TRIES = 3;
/** Old rows are looked for this often, and deleted this many at a time. */
const CLEANUP_EVERY_MS = 10 * 60 * 1000;
const CLEANUP_PAGE = 1000;

/**
 * HMAC-SHA-256 under the key, over method, path and the body's canonical JSON (RFC 8785). Keyed, because a plain digest
 * of a body can be held against guesses at what it says: a telephone number, or what should not have been sent.
 * Throws `request_invalid` for text that is not Unicode.
 */
export function fingerprintOf({ key, method, path, body }: IdempotentRequest): Buffer {
  let text: string;
  try {
    text = canonicalJson([method, path, body ?? null]);
  } catch (error) {
    throw new HushtoneError('request_invalid', 'invalid', 'The request body is not I-JSON (RFC 7493).', {
      cause: error,
    });
  }
  return createHmac('sha256', key).update(text).digest();
}

/** A key is its client's, its subject's and its grant's own: what others send under the same one is another request. */
export function keyDigestOf(actor: Pick<Actor, 'clientId' | 'subject' | 'grantId'>, key: string): Buffer {
  const owned = canonicalJson([actor.clientId, actor.subject, actor.grantId ?? null, key]);
  return createHash('sha256').update(owned).digest();
}

export interface IdempotencyOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Idempotency-Key, draft-ietf-httpapi-idempotency-key-header-07, over all instances on one database. */
export class Idempotency implements IdempotencyDesk {
  readonly #options: IdempotencyOptions;

  constructor(options: IdempotencyOptions) {
    this.#options = options;
  }

  async begin(
    actor: Actor,
    request: IdempotentRequest,
  ): Promise<{ readonly claim: IdempotencyClaim } | { readonly answer: StoredAnswer }> {
    const fingerprint = fingerprintOf(request);
    const keyDigest = keyDigestOf(actor, request.key);
    const { accountId } = actor;
    const at = this.#options.clock.now();
    const row = {
      id: newId('idk'),
      accountId,
      keyDigest,
      clientId: actor.clientId,
      subject: actor.subject,
      operation: request.operation,
      fingerprint,
      claim: newId('clm'),
      at,
    };
    const keptSince = new Date(at.getTime() - KEPT_MS);
    return await this.#options.database.transaction(accountId, async (db) => {
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        if (await insertIdempotencyKey(db, row, keptSince)) {
          return { claim: { accountId, id: row.id, claim: row.claim, takenOver: false } };
        }
        const kept = await findIdempotencyKey(db, keyDigest);
        if (kept === undefined) continue;
        if (!kept.fingerprint.equals(fingerprint)) throw mismatch();
        if (kept.state === 'done' && kept.status !== null) {
          const { status, body, location } = kept;
          return {
            answer: { status, ...(body !== null && { body }), ...(location !== null && { location }) },
          };
        }
        if (kept.claimedAt.getTime() > at.getTime() - IN_FLIGHT_MS) throw inFlight();
        if (await takeOverIdempotencyKey(db, kept.id, kept.claim, row)) {
          return { claim: { accountId, id: kept.id, claim: row.claim, takenOver: true } };
        }
      }
      throw inFlight();
    });
  }

  async keep(claim: IdempotencyClaim, answer: StoredAnswer): Promise<void> {
    await this.#settle(claim, async (db) => await finishIdempotencyKey(db, claim, answer));
  }

  async release(claim: IdempotencyClaim): Promise<void> {
    await this.#settle(claim, async (db) => await releaseIdempotencyKey(db, claim));
  }

  async abandon(claim: IdempotencyClaim): Promise<void> {
    await this.#settle(claim, async (db) => await abandonIdempotencyKey(db, claim));
  }

  /**
   * The request has its answer, whatever becomes of the row. A write that fails is repeated behind it, until the row
   * may be taken over anyway.
   */
  async #settle({ accountId }: IdempotencyClaim, write: (db: Queryable) => Promise<void>): Promise<void> {
    const { database, clock, logger } = this.#options;
    const report = (error: unknown): void => logger.warn('idempotency key not settled', { error });
    try {
      await database.transaction(accountId, write);
    } catch (error) {
      report(error);
      const giveUpMs = clock.monotonicMs() + IN_FLIGHT_MS;
      const again = async (): Promise<void> => {
        if (clock.monotonicMs() < giveUpMs) await database.transaction(accountId, write);
      };
      void untilWritten(again, clock, report);
    }
  }
}

/** Deletes what is older than 24 hours, of all accounts. Returns how many rows there were. */
export async function cleanIdempotencyKeys({
  database,
  clock,
}: Omit<IdempotencyOptions, 'logger'>): Promise<number> {
  const keptSince = new Date(clock.now().getTime() - KEPT_MS);
  for (let deleted = 0; ;) {
    const page = await database.systemTransaction(
      async (db) => await deleteIdempotencyKeys(db, keptSince, CLEANUP_PAGE),
    );
    deleted += page;
    if (page < CLEANUP_PAGE) return deleted;
  }
}

/** Cleans at the start and then regularly. */
export function startIdempotencyCleanup(options: IdempotencyOptions): { stop(): Promise<void> } {
  const { clock, logger } = options;
  let timer: Timer | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      const count = await cleanIdempotencyKeys(options);
      if (count > 0) logger.info('idempotency keys forgotten', { count });
    } catch (error) {
      logger.warn('idempotency keys not cleaned', { error });
    }
    if (!stopped) {
      timer = clock.after(CLEANUP_EVERY_MS, () => {
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

function inFlight(): HushtoneError {
  return new HushtoneError(
    'idempotency_in_flight',
    'conflict',
    'A request with this Idempotency-Key is being worked on. Ask again in a moment.',
  );
}

function mismatch(): HushtoneError {
  return new HushtoneError(
    'idempotency_mismatch',
    'mismatch',
    'This Idempotency-Key was sent with another request. Take a new one for each request.',
  );
}
