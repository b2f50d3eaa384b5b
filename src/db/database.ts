import { Pool, types, TypeOverrides, type PoolClient, type QueryResult, type QueryResultRow } from 'pg';
import { HushtoneError } from '../kernel/errors.ts';
import { silentLogger, type Logger } from '../kernel/logger.ts';
import { databaseUnavailable, isConnectionFailure } from './errors.ts';

/** How long a transaction waits for a free connection, a new one included. */
const CONNECT_TIMEOUT_MS = 5_000;

/** One statement. Everything here is a handful of rows by key. */
const STATEMENT_TIMEOUT_MS = 15_000;

/** A transaction that its holder has forgotten would keep its locks for ever. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;

/** Sees the rows of one account. Made by the first migration; may not log in, owns nothing. */
const SERVER_ROLE = 'hushtone_server';

/** Sees the rows of all accounts, for recovery at start-up. */
const SYSTEM_ROLE = 'hushtone_system';

/** Runs one statement a call, always with bound parameters. */
export interface Queryable {
  /** The rows. `bigint` columns are numbers; one beyond 2^53 is an error. Statement errors are pg's own. */
  query<T extends object>(text: string, values?: readonly unknown[]): Promise<T[]>;
}

export interface Database {
  /**
   * Runs `work` in a transaction that sees and writes rows of `accountId` only; commits when it resolves and rolls
   * back when it rejects. Rejects with `database_unavailable` when the connection is missing or lost; after a lost
   * connection nobody knows whether a commit took effect.
   */
  transaction<T>(accountId: string, work: (queryable: Queryable) => Promise<T>): Promise<T>;
  /** The same over the rows of all accounts: only for tasks that no account has asked for, such as recovery. */
  systemTransaction<T>(work: (queryable: Queryable) => Promise<T>): Promise<T>;
  /** Resolves when the database answers; rejects with `database_unavailable`. */
  ping(): Promise<void>;
  /** Waits for running transactions. Idempotent. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly logger?: Logger;
}

function parseBigint(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new HushtoneError('number_too_large', 'internal', 'a whole number of the database exceeds 2^53');
}

/** pg's own parsers, but for `bigint`, which it hands over as text. */
const typeParsers = new TypeOverrides();
typeParsers.setTypeParser(types.builtins.INT8, parseBigint);

/** A lost connection becomes `database_unavailable`; any other error stays what it is. */
function rethrow(error: unknown): never {
  throw isConnectionFailure(error) ? databaseUnavailable(error) : error;
}

/** A queryable that stops working when its transaction is over, so that a forgotten `await` cannot write outside. */
function queryableOf(client: PoolClient): Queryable & { end(): void } {
  let ended = false;
  return {
    query: async <T extends object>(text: string, values: readonly unknown[] = []): Promise<T[]> => {
      if (ended) throw new HushtoneError('transaction_ended', 'internal', 'the transaction is over');
      // The extended protocol takes one statement only: nothing can be smuggled in behind a semicolon.
      const query = { text, values: [...values], queryMode: 'extended' };
      const answer: Promise<QueryResult<T & QueryResultRow>> = client.query(query);
      const { rows } = await answer.catch(rethrow);
      return rows;
    },
    end: () => {
      ended = true;
    },
  };
}

/**
 * Takes on a role without rights beyond row-level security, and names the account, for this transaction only. Both
 * are local to the transaction, so that a pooled connection (or a pooler in between) carries nothing over.
 */
async function begin(client: PoolClient, role: string, accountId: string): Promise<void> {
  await client.query('begin').catch(rethrow);
  try {
    await client.query(
      `select set_config('role', $1, true), set_config('hushtone.account_id', $2, true),
        set_config('statement_timeout', $3, true), set_config('idle_in_transaction_session_timeout', $4, true)`,
      [role, accountId, String(STATEMENT_TIMEOUT_MS), String(IDLE_IN_TRANSACTION_TIMEOUT_MS)],
    );
  } catch (error) {
    if (isConnectionFailure(error)) throw databaseUnavailable(error);
    throw databaseUnavailable(error, `the database is not migrated, or its user may not act as ${role}`);
  }
}

/** A COMMIT after a failed statement that nobody has let through is answered with ROLLBACK, not with an error. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('commit').catch(rethrow);
  if (command === 'COMMIT') return;
  throw new HushtoneError('transaction_aborted', 'internal', 'a failed statement undid the transaction');
}

/** Opens a pool of at most `poolSize` connections. The first connection is made by the first transaction. */
export function openDatabase({ url, poolSize, logger = silentLogger }: DatabaseOptions): Database {
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'hushtone',
    types: typeParsers,
  });
  const report = (error: Error): void => logger.warn('a database connection was lost', { error });
  pool.on('error', report);
  let closing: Promise<void> | undefined;

  const connect = async (): Promise<PoolClient> => {
    try {
      const client = await pool.connect();
      client.on('error', report); // the pool listens to idle connections only
      return client;
    } catch (error) {
      throw databaseUnavailable(error);
    }
  };

  const release = (client: PoolClient, failure?: Error): void => {
    client.off('error', report);
    client.release(failure);
  };

  const run = async <T>(
    role: string,
    accountId: string,
    work: (queryable: Queryable) => Promise<T>,
  ): Promise<T> => {
    const client = await connect();
    const queryable = queryableOf(client);
    let broken: Error | undefined;
    try {
      await begin(client, role, accountId);
      const result = await work(queryable);
      queryable.end();
      await commit(client);
      return result;
    } catch (error) {
      queryable.end();
      await client.query('rollback').catch((failure: unknown) => {
        broken = failure instanceof Error ? failure : new Error('rollback failed');
      });
      throw error;
    } finally {
      release(client, broken);
    }
  };

  return {
    transaction: (accountId, work) => {
      if (accountId === '') throw new HushtoneError('account_missing', 'internal', 'no account is named');
      return run(SERVER_ROLE, accountId, work);
    },
    systemTransaction: (work) => run(SYSTEM_ROLE, '', work),
    ping: () => run(SERVER_ROLE, '', async (queryable) => void (await queryable.query('select 1'))),
    close: () => (closing ??= pool.end()),
  };
}
