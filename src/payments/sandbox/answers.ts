import type {
  DeclineReason,
  PaymentOutcome,
  ProviderCapabilities,
  ProviderFailure,
  Purpose,
} from '../contract.ts';
import type { TransportAnswer } from './transport.ts';

/** In the order of the contract; what is assumed of a provider that could not be asked yet. */
export const ALL_PURPOSES: readonly Purpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];

// Exact shapes: nothing that a provider echoes by mistake, a card number above all, passes for one of these.
const CHARGE_ID = /^chg_[0-9a-z]{26}$/;
const TOKEN = /^tok_sandbox_[0-9a-z]{26}$/;
const AUTHORIZATION_CODE = /^[A-Z0-9]{6}$/;
const DECLINE_CODE = /^[a-z][a-z_]{0,63}$/;

const DECLINE_REASONS: Readonly<Record<string, DeclineReason>> = {
  generic_decline: 'generic_decline',
  insufficient_funds: 'insufficient_funds',
  lost_card: 'lost_or_stolen',
  stolen_card: 'lost_or_stolen',
  expired_card: 'expired_card',
  incorrect_cvc: 'incorrect_security_code',
  incorrect_pin: 'incorrect_pin',
  processing_error: 'processing_error',
};

export interface ExpectedPayment {
  readonly idempotencyKey: string;
  /** Absent when it is not known, as for a look-up. */
  readonly purpose?: Purpose;
}

/**
 * The outcome in an answer with status 200, or undefined when the answer is not certainly one for this payment: not
 * JSON, another key or purpose, a member that is missing, malformed or contradicts the result. Members that are not
 * known are passed over, as providers add them.
 */
export function readOutcome(answer: TransportAnswer, expected: ExpectedPayment): PaymentOutcome | undefined {
  const payment = readObject(answer.body);
  if (payment === undefined || payment['idempotency_key'] !== expected.idempotencyKey) return undefined;
  const purpose = ALL_PURPOSES.find((known) => known === payment['purpose']);
  if (purpose === undefined || (expected.purpose !== undefined && purpose !== expected.purpose))
    return undefined;
  const providerReference = readText(payment['id'], CHARGE_ID);
  if (providerReference === undefined) return undefined;
  if (payment['result'] === 'declined') return readDecline(payment, providerReference);
  if (payment['result'] === 'succeeded') return readSuccess(payment, purpose, providerReference);
  return undefined;
}

function readDecline(
  payment: Record<string, unknown>,
  providerReference: string,
): PaymentOutcome | undefined {
  const rawCode = readText(payment['decline_code'], DECLINE_CODE);
  if (rawCode === undefined || 'authorization_code' in payment || 'token' in payment) return undefined;
  const reason = Object.hasOwn(DECLINE_REASONS, rawCode) ? DECLINE_REASONS[rawCode] : undefined;
  return { result: 'declined', reason: reason ?? 'generic_decline', rawCode, providerReference };
}

/** Money moves with an authorisation code; a card is saved with a token; neither comes without its purpose. */
function readSuccess(
  payment: Record<string, unknown>,
  purpose: Purpose,
  providerReference: string,
): PaymentOutcome | undefined {
  if ('decline_code' in payment) return undefined;
  const movesMoney = purpose !== 'tokenize';
  const saves = purpose === 'tokenize' || purpose === 'charge_and_save';
  const authorizationCode = readText(payment['authorization_code'], AUTHORIZATION_CODE);
  const providerToken = readText(payment['token'], TOKEN);
  if (movesMoney !== (authorizationCode !== undefined) || 'authorization_code' in payment !== movesMoney) {
    return undefined;
  }
  if (saves !== (providerToken !== undefined) || 'token' in payment !== saves) return undefined;
  return {
    result: 'succeeded',
    providerReference,
    ...(authorizationCode !== undefined && { authorizationCode }),
    ...(providerToken !== undefined && { providerToken }),
  };
}

/** What an answer other than 200 says about a payment that was sent. */
export function failureOf(answer: TransportAnswer): ProviderFailure {
  switch (answer.status) {
    case 400:
    case 422:
      return readProblemCode(answer) === 'unknown_key' ? 'unavailable' : 'invalid_request';
    case 401:
    case 403:
      return 'authentication';
    case 429:
      return 'rate_limited';
    case 503:
      return readProblemCode(answer) === 'not_processed' ? 'unavailable' : 'unknown_outcome';
    default:
      return 'unknown_outcome';
  }
}

/** `code` of an RFC 9457 problem, or undefined. */
export function readProblemCode(answer: TransportAnswer): string | undefined {
  const code = readObject(answer.body)?.['code'];
  return typeof code === 'string' ? code : undefined;
}

/** Undefined when the answer is not a list of known purposes and a `pin` flag. */
export function readCapabilities(answer: TransportAnswer): ProviderCapabilities | undefined {
  const capabilities = readObject(answer.body);
  const purposes = capabilities?.['purposes'];
  const pin = capabilities?.['pin'];
  if (!Array.isArray(purposes) || typeof pin !== 'boolean') return undefined;
  return { purposes: ALL_PURPOSES.filter((purpose) => purposes.includes(purpose)), pin };
}

/** Undefined when the body is not a JSON object. */
export function readObject(body: Buffer): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function readText(value: unknown, shape: RegExp): string | undefined {
  return typeof value === 'string' && shape.test(value) ? value : undefined;
}
