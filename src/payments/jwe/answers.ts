import { compactDecrypt, compactVerify } from 'jose';
import type { Operation, PaymentOutcome } from '../contract.ts';
import { declineOf } from '../error-codes.ts';
import { readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import type { AnswerFormat } from './configuration.ts';
import { valueAt } from './members.ts';

// Nothing that could lead an address elsewhere passes for a name, and no sentence for a code.
const NAME = /^[A-Za-z0-9][\w.:-]{0,127}$/;
const AUTHORIZATION_CODE = /^[A-Za-z0-9]{1,16}$/;
const DECLINE_CODE = /^[\w.:-]{1,64}$/;

export interface ExpectedAnswer {
  readonly idempotencyKey: string;
  readonly operation: Operation;
  /** Is the card number in this text? An answer that has it in the wrong place is not read. */
  readonly echoes: (text: string) => boolean;
}

/**
 * The JSON object of an answer, decrypted or with its signature verified where the configuration says so; undefined when
 * it cannot be, so that nobody but the provider decides a payment.
 */
export async function openAnswer(
  { body, headers }: TransportAnswer,
  { protection, field }: AnswerFormat,
): Promise<Record<string, unknown> | undefined> {
  if (protection.kind === 'none') {
    const object = readJsonObject(body);
    const inner = field === undefined ? object : object?.[field];
    return typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : undefined;
  }
  const isJose = /^application\/jose\b/i.test(headers['content-type'] ?? '');
  const token =
    isJose || field === undefined ? body.toString('latin1').trim() : readJsonObject(body)?.[field];
  if (typeof token !== 'string') return undefined;
  try {
    const opened =
      protection.kind === 'jwe'
        ? (
            await compactDecrypt(token, protection.key, {
              keyManagementAlgorithms: ['RSA-OAEP-256'],
              contentEncryptionAlgorithms: ['A256GCM', 'A128GCM'],
            })
          ).plaintext
        : (await compactVerify(token, protection.key, { algorithms: ['PS256', 'RS256'] })).payload;
    return readJsonObject(Buffer.from(opened));
  } catch {
    return undefined;
  }
}

/**
 * The outcome in the object of an answer, or undefined when it is not certainly one for this attempt: of another key,
 * with a result that is neither a success nor a decline, or without what goes with it.
 */
export function readOutcome(
  answer: Readonly<Record<string, unknown>>,
  { members, succeeded, declined, declineCodes }: AnswerFormat,
  { idempotencyKey, operation, echoes }: ExpectedAnswer,
): PaymentOutcome | undefined {
  const key = valueAt(answer, members.idempotency_key);
  if (members.idempotency_key !== '' && key !== idempotencyKey) return undefined;
  const text = (name: string, shape: RegExp): string | undefined => {
    const value = readText(valueAt(answer, name), shape);
    return value === undefined || echoes(value) ? undefined : value;
  };
  const result = String(valueAt(answer, members.result));
  const providerReference = text(members.provider_reference, NAME);
  if (declined.includes(result)) {
    const code = text(members.decline_code, DECLINE_CODE);
    if (code === undefined) return undefined;
    return {
      result: 'declined',
      ...declineOf(code, declineCodes),
      ...(providerReference !== undefined && { providerReference }),
    };
  }
  if (!succeeded.includes(result) || providerReference === undefined) return undefined;
  const authorizationCode = text(members.authorization_code, AUTHORIZATION_CODE);
  const saves = operation === 'tokenize' || operation === 'charge_and_save';
  const providerToken = saves ? text(members.token, NAME) : undefined;
  // Without its token a card that was only to be kept cannot be used.
  if (operation === 'tokenize' && providerToken === undefined) return undefined;
  return {
    result: 'succeeded',
    providerReference,
    ...(authorizationCode !== undefined && { authorizationCode }),
    ...(providerToken !== undefined && { providerToken }),
  };
}

/** Only the provider's own word counts: a proxy's 404 must not let a payment be sent again. */
export function saysNeverSeen(
  status: number,
  answer: Readonly<Record<string, unknown>> | undefined,
  { members, notFoundCode }: AnswerFormat,
): boolean {
  return status === 404 && answer !== undefined && valueAt(answer, members.error_code) === notFoundCode;
}
