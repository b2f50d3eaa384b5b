import type { Secret } from '../../secrets/secret.ts';
import type { PaymentOutcome } from '../contract.ts';
import { declineOf, type ErrorCodes } from '../error-codes.ts';
import { ProviderError } from '../errors.ts';
import { failureOfStatus } from '../transport/failure.ts';
import { readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import { valueAt } from './json-pointer.ts';
import type { Template } from './template.ts';

/** Tokenizers name cards as they like; a name is no longer than this and has no spaces. */
const REFERENCE = /^[\w.:/+=-]{1,128}$/;
const LONGEST_MESSAGE = 120;

export interface AnswerOptions {
  /** Beside those of the template, and before them. */
  readonly errorCodes: ErrorCodes;
  readonly credential: Secret;
}

/**
 * The outcome in an answer. Throws a `ProviderError` when there is none: an answer that should name a token and does not
 * is an unknown outcome, everything else goes by its status.
 */
export function readTemplateAnswer(
  { status, body }: TransportAnswer,
  { succeeded, declined, error }: Template['answer'],
  { errorCodes, credential }: AnswerOptions,
): PaymentOutcome {
  const document = readJsonObject(body);
  if (succeeded.statuses.includes(status)) {
    const providerToken = readText(valueAt(document, succeeded.token), REFERENCE);
    const { reference } = succeeded;
    const providerReference =
      reference === undefined ? providerToken : readText(valueAt(document, reference), REFERENCE);
    if (providerToken === undefined || providerReference === undefined) {
      throw new ProviderError('unknown_outcome', 'the tokenizer gave an answer that cannot be read');
    }
    return { result: 'succeeded', providerReference, providerToken };
  }
  if (declined?.statuses.includes(status) === true) {
    const code = textOf(valueAt(document, declined.code));
    const codes = { ...declined.codes, ...errorCodes };
    if (code !== undefined && Object.hasOwn(codes, code))
      return { result: 'declined', ...declineOf(code, codes) };
  }
  // A success with another status than those of the template is no refusal.
  const failure = status < 400 ? 'unknown_outcome' : failureOfStatus(status);
  throw new ProviderError(
    failure,
    `the tokenizer answered ${status}${explanation(document, error, credential)}`,
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
