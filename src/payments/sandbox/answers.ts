import type {
  DeclineReason,
  Modification,
  Operation,
  PaymentOutcome,
  ProviderCapabilities,
  ProviderFailure,
  Purpose,
} from '../contract.ts';
import { readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';

/** In the order of the contract; what is assumed of a provider that could not be asked yet. */
export const ALL_PURPOSES: readonly Purpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];

export const ALL_MODIFICATIONS: readonly Modification[] = ['capture', 'void', 'refund'];

/** The longest promise that is believed of a provider: a day. */
const LONGEST_ABSENCE_MS = 86_400_000;

// Exact shapes: nothing that a provider echoes by mistake, a card number above all, passes for one of these.
const CHARGE_ID = /^chg_[0-9a-z]{26}$/;
const MODIFICATION_ID = /^mod_sandbox_[0-9a-z]{26}$/;
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
  incorrect_number: 'incorrect_number',
  card_velocity_exceeded: 'limit_exceeded',
  card_not_supported: 'card_not_supported',
  currency_not_supported: 'currency_not_supported',
  fraudulent: 'suspected_fraud',
  call_issuer: 'call_issuer',
  authentication_required: 'authentication_required',
  not_modifiable: 'not_modifiable',
  already_captured: 'not_modifiable',
  amount_too_large: 'not_modifiable',
  refund_declined: 'not_modifiable',
  processing_error: 'processing_error',
};

export interface ExpectedOutcome {
  readonly idempotencyKey: string;
  readonly operation: Operation;
}

/**
 * The outcome in an answer with status 200, or undefined when the answer is not certainly one for this attempt: not
 * JSON, another key or operation, a member that is missing, malformed or contradicts the result. Members that are not
 * known are passed over, as providers add them.
 */
export function readOutcome(answer: TransportAnswer, expected: ExpectedOutcome): PaymentOutcome | undefined {
  const entry = readJsonObject(answer.body);
  if (entry === undefined || entry['idempotency_key'] !== expected.idempotencyKey) return undefined;
  const modification = ALL_MODIFICATIONS.find((known) => known === expected.operation);
  const isExpected =
    modification === undefined
      ? entry['purpose'] === expected.operation && !('modification' in entry)
      : entry['modification'] === modification && !('purpose' in entry);
  const providerReference = readText(entry['id'], modification === undefined ? CHARGE_ID : MODIFICATION_ID);
  if (!isExpected || providerReference === undefined) return undefined;
  if (entry['result'] === 'declined') return readDecline(entry, providerReference);
  if (entry['result'] === 'succeeded') return readSuccess(entry, expected.operation, providerReference);
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
  operation: Operation,
  providerReference: string,
): PaymentOutcome | undefined {
  if ('decline_code' in payment) return undefined;
  const saves = operation === 'tokenize' || operation === 'charge_and_save';
  const movesMoney = operation !== 'tokenize' && ALL_PURPOSES.some((purpose) => purpose === operation);
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
    case 404: // of a modification; a proxy's 404 has no such code
      return readProblemCode(answer) === 'payment_not_found' ? 'invalid_request' : 'unknown_outcome';
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
  const code = readJsonObject(answer.body)?.['code'];
  return typeof code === 'string' ? code : undefined;
}

/** Undefined when the answer lacks a list of known purposes or another of its members. Tells nothing of a PIN key of ours. */
export function readCapabilities(answer: TransportAnswer): ProviderCapabilities | undefined {
  const capabilities = readJsonObject(answer.body) ?? {};
  const { purposes, modifications, pin } = capabilities;
  const [partialAmounts, storedCards] = [capabilities['partial_amounts'], capabilities['stored_cards']];
  const absenceProvenAfterMs = capabilities['absence_proven_after_ms'];
  if (!Array.isArray(purposes) || !Array.isArray(modifications)) return undefined;
  if (typeof pin !== 'boolean' || typeof partialAmounts !== 'boolean' || typeof storedCards !== 'boolean') {
    return undefined;
  }
  if (!isDuration(absenceProvenAfterMs)) return undefined;
  return {
    purposes: ALL_PURPOSES.filter((purpose) => purposes.includes(purpose)),
    modifications: ALL_MODIFICATIONS.filter((modification) => modifications.includes(modification)),
    partialAmounts,
    storedCards,
    pin,
    recovery: 'lookup',
    absenceProvenAfterMs,
  };
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LONGEST_ABSENCE_MS;
}
