import type { Queryable } from '../db/database.ts';
import { MEMORY_SECONDS, type LoginFailures } from './login-lock.ts';

interface FailureRow {
  readonly failures: number;
  readonly last_failure_at: Date;
  readonly locked_until: Date | null;
}

const COLUMNS = 'failures, last_failure_at, locked_until';

function failuresOf(row: FailureRow | undefined): LoginFailures | undefined {
  return (
    row && {
      failures: row.failures,
      lastFailureAt: row.last_failure_at,
      ...(row.locked_until !== null && { lockedUntil: row.locked_until }),
    }
  );
}

export async function findFailures(db: Queryable, source: Buffer): Promise<LoginFailures | undefined> {
  const [row] = await db.query<FailureRow>(`select ${COLUMNS} from login_failures where source = $1`, [
    source,
  ]);
  return failuresOf(row);
}

/** The same, and nobody else changes it before this transaction is over, not even when there was no row yet. */
export async function lockFailures(db: Queryable, source: Buffer): Promise<LoginFailures | undefined> {
  await db.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [source.toString('hex')]);
  return await findFailures(db, source);
}

export async function saveFailures(db: Queryable, source: Buffer, known: LoginFailures): Promise<void> {
  await db.query(
    `insert into login_failures (source, failures, last_failure_at, locked_until) values ($1, $2, $3, $4)
     on conflict (source) do update set failures = excluded.failures,
       last_failure_at = excluded.last_failure_at, locked_until = excluded.locked_until`,
    [source, known.failures, known.lastFailureAt, known.lockedUntil ?? null],
  );
}

export async function forgetFailures(db: Queryable, source: Buffer): Promise<void> {
  await db.query('delete from login_failures where source = $1', [source]);
}

/** Sources that are remembered no more, a hundred at a time: more than one call can add. */
export async function dropOldFailures(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `delete from login_failures where source in (
       select source from login_failures where last_failure_at < $1 limit 100 for update skip locked)`,
    [new Date(now.getTime() - MEMORY_SECONDS * 1000)],
  );
}
