import type { CaptureSpec, FieldSpec } from '../../capture/spec.ts';
import type { Brand } from '../../cards/brands.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Amount, ProviderCapabilities, Purpose } from '../../payments/contract.ts';
import type { GuardPolicy } from '../../telephony/contract.ts';
import type { CaptureRequest, FieldRequest } from '../contract.ts';

/** What applies when a request does not say. */
export interface CaptureDefaults {
  readonly guard: GuardPolicy;
  readonly secureTimeoutMs: number;
  readonly interDigitTimeoutSeconds: number;
  readonly timeoutSeconds: number;
}

/** A request that was checked against the provider and the rules of money. */
export interface PaymentOrder {
  readonly purpose: Purpose;
  readonly amount?: Amount;
  readonly reference?: string;
  readonly guard: GuardPolicy;
  readonly spec: CaptureSpec;
}

const DEFAULT_FIELDS: readonly FieldRequest[] = [
  { field: 'card_number' },
  { field: 'expiry' },
  { field: 'security_code' },
];

/** ISO/IEC 7812-1: the shortest card number that is in use. */
const SHORTEST_CARD_NUMBER = 12;

/** Throws `amount_required`, `amount_not_allowed`, `reference_like_card`, `purpose_not_supported`, … */
export function checkOrder(
  request: CaptureRequest,
  capabilities: ProviderCapabilities,
  defaults: CaptureDefaults,
): PaymentOrder {
  checkMoney(request, capabilities);
  const fields = request.fields ?? DEFAULT_FIELDS;
  const card = fields.find(({ field }) => field === 'card_number');
  if (card === undefined || card.required === false) {
    throw invalid('card_number_required', 'A payment needs the required field card_number.');
  }
  if (fields.some(({ field }) => field === 'pin') && !capabilities.pin) {
    throw invalid('pin_not_supported', 'The payment provider takes no PIN.');
  }
  return {
    purpose: request.purpose,
    ...(request.amount && { amount: request.amount }),
    ...(request.reference !== undefined && { reference: request.reference }),
    guard: request.guard ?? defaults.guard,
    spec: {
      fields: fields.map(fieldSpec),
      autoAdvance: request.auto_advance ?? true,
      autoSubmit: request.auto_submit ?? false,
      ...(request.accepted_brands && { acceptedBrands: request.accepted_brands as Brand[] }),
      interDigitTimeoutMs: (request.inter_digit_timeout_seconds ?? defaults.interDigitTimeoutSeconds) * 1000,
      overallTimeoutMs: (request.timeout_seconds ?? defaults.timeoutSeconds) * 1000,
    },
  };
}

function checkMoney(request: CaptureRequest, capabilities: ProviderCapabilities): void {
  const { purpose, amount, reference } = request;
  if (purpose === 'tokenize' && amount !== undefined) {
    throw invalid('amount_not_allowed', 'tokenize moves no money: leave the amount out.');
  }
  if (purpose !== 'tokenize' && amount === undefined) {
    throw invalid('amount_required', `${purpose} needs an amount.`);
  }
  if (!capabilities.purposes.includes(purpose)) {
    throw invalid('purpose_not_supported', `The payment provider does not offer ${purpose}.`);
  }
  if (reference !== undefined) refuseCardLike(reference, 'reference');
}

/** Defence in depth: text that is kept must not be able to hold a card number, whoever put it there. */
export function refuseCardLike(text: string, name: 'reference' | 'subject' | 'agent_id'): void {
  const longestRun = Math.max(0, ...(text.match(/\d+/g) ?? []).map((run) => run.length));
  if (longestRun < SHORTEST_CARD_NUMBER) return;
  throw invalid(`${name}_like_card`, `The ${name} holds as many digits in a row as a card number has.`);
}

function fieldSpec(request: FieldRequest): FieldSpec {
  return {
    field: request.field,
    ...(request.required !== undefined && { required: request.required }),
    ...(request.max_attempts !== undefined && { maxAttempts: request.max_attempts }),
    ...(request.min_length !== undefined && { minLength: request.min_length }),
    ...(request.max_length !== undefined && { maxLength: request.max_length }),
  };
}

function invalid(code: string, message: string): HushtoneError {
  return new HushtoneError(code, 'invalid', message);
}
