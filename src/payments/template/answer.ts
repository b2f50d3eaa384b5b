import type { Secret } from '../../secrets/secret.ts';
import type { PaymentOutcome } from '../contract.ts';
import { declineOf, type ErrorCodes } from '../error-codes.ts';
import { ProviderError } from '../errors.ts';
import { failureOfStatus } from '../transport/failure.ts';
import { readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import { valueAt } from './json-pointer.ts';
import type { Conditions, Template } from './template.ts';

/** Tokenizers name cards as they like; a name is no longer than this and has no spaces. */
const REFERENCE = /^[\w.:/+=-]{1,128}$/;
const LONGEST_MESSAGE = 120;

export interface AnswerOptions {
  /** Beside those of the template, and before them. */
  readonly errorCodes: ErrorCodes;
  readonly credential: Secret;
}

/**
 * The outcome in an answer. Throws a `ProviderError` when there is none: an answer that has the status of a kept card and
 * does not meet the conditions of one, or that should name a token and does not, is an unknown outcome; everything else
 * goes by its status.
 */
export function readTemplateAnswer(
  { status, body }: TransportAnswer,
  { succeeded, declined, error }: Template['answer'],
  { errorCodes, credential }: AnswerOptions,
): PaymentOutcome {
  const document = readJsonObject(body);
  if (isMeant(succeeded, status, document)) {
    const providerToken = readText(valueAt(document, succeeded.token), REFERENCE);
    const { reference } = succeeded;
    const providerReference =
      reference === undefined ? providerToken : readText(valueAt(document, reference), REFERENCE);
    if (providerToken === undefined || providerReference === undefined) {
      throw new ProviderError('unknown_outcome', 'the tokenizer gave an answer that cannot be read');
    }
    return { result: 'succeeded', providerReference, providerToken };
  }
  if (declined !== undefined && isMeant(declined, status, document)) {
    const code = textOf(valueAt(document, declined.code));
    const codes = { ...declined.codes, ...errorCodes };
    if (code !== undefined && Object.hasOwn(codes, code))
      return { result: 'declined', ...declineOf(code, codes) };
  }
  // A success with another status than those of the template, or without what makes it one, is no refusal.
  const isUndecided = status < 400 || succeeded.statuses.includes(status);
  const failure = isUndecided ? 'unknown_outcome' : failureOfStatus(status);
  throw new ProviderError(
    failure,
    `the tokenizer answered ${status}${explanation(document, error, credential)}`,
  );
}

/** Whether the answer is one of those: by its status, and by everything that it has to say. */
function isMeant(
  { statuses, where = {} }: { readonly statuses: readonly number[]; readonly where?: Conditions },
  status: number,
  document: unknown,
): boolean {
  return (
    statuses.includes(status) &&
    Object.entries(where).every(([pointer, expected]) => valueAt(document, pointer) === expected)
  );
}

/** What the tokenizer says is wrong. It may repeat what was sent: digits are taken out, however few. */
function explanation(document: unknown, error: Template['answer']['error'], credential: Secret): string {
  const told = [error?.code, error?.message].flatMap((pointer) => {
    const text = pointer === undefined ? undefined : textOf(valueAt(document, pointer));
    if (text === undefined || text.includes(credential.reveal())) return [];
    return [text.replaceAll(/\p{Nd}/gu, '•').replaceAll(/[^\P{C} ]/gu, ' ')];
  });
  return told.length === 0 ? '' : `: ${told.join(', ').slice(0, LONGEST_MESSAGE)}`;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
