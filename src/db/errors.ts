import { DatabaseError } from 'pg';
import { HushtoneError } from '../kernel/errors.ts';

/** SQLSTATE class 08 (connection), 57P01 to 57P03 (shutting or starting up), 53300 (too many connections). */
const UNAVAILABLE_SQLSTATE = /^(?:08...|57P0[123]|53300)$/;

const UNAVAILABLE_SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** pg tells of these by their text alone. */
const UNAVAILABLE_MESSAGE =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired)/;

/** Did the connection or the server go away, rather than the statement fail? */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (error instanceof DatabaseError) return UNAVAILABLE_SQLSTATE.test(error.code ?? '');
  return (
    (typeof code === 'string' && UNAVAILABLE_SYSTEM_CODES.has(code)) ||
    UNAVAILABLE_MESSAGE.test(error.message)
  );
}

/** Code `database_unavailable`: nothing is known to be wrong with the request, which may be tried again later. */
export function databaseUnavailable(
  cause: unknown,
  message = 'the database is not reachable',
): HushtoneError {
  return new HushtoneError('database_unavailable', 'unavailable', message, { cause });
}

/** The name of the constraint that a statement violated (SQLSTATE class 23); undefined for any other error. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof DatabaseError) || error.code?.startsWith('23') !== true) return undefined;
  return error.constraint;
}
