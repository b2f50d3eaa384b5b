import type { PaymentOutcome } from '../contract.ts';
import { declineOf, type ErrorCodes } from '../error-codes.ts';
import { readJsonObject, readText } from '../transport/json.ts';

/** Connectors name payments and cards as they like; a name is no longer than this and has no spaces. */
const REFERENCE = /^[\w.:/+=-]{1,128}$/;

export interface ExpectedAnswer {
  readonly purpose: 'charge' | 'tokenize';
  readonly errorCodes: ErrorCodes;
}

/**
 * The outcome in an answer with status 200, or undefined when it is not certainly one: not JSON, without `error_code`
 * and without the name of what was made, or with both. `error_code` is `null` or absent for a success; connectors write
 * it as a text or as a number. `error_message` is not read: it may repeat what was sent.
 */
export function readConnectorAnswer(body: Buffer, expected: ExpectedAnswer): PaymentOutcome | undefined {
  const answer = readJsonObject(body);
  if (answer === undefined) return undefined;
  const name = answer[expected.purpose === 'charge' ? 'charge_id' : 'token_id'] ?? undefined;
  const errorCode = answer['error_code'] ?? undefined;
  if (errorCode !== undefined) {
    const code = typeof errorCode === 'number' ? String(errorCode) : errorCode;
    if (name !== undefined || typeof code !== 'string' || code === '') return undefined;
    return { result: 'declined', ...declineOf(code, expected.errorCodes) };
  }
  const reference = readText(typeof name === 'number' ? String(name) : name, REFERENCE);
  if (reference === undefined) return undefined;
  return {
    result: 'succeeded',
    providerReference: reference,
    ...(expected.purpose === 'tokenize' && { providerToken: reference }),
  };
}
