import type { CaptureSpec, FieldSpec } from '../../capture/spec.ts';
import { BRANDS, type Brand } from '../../cards/brands.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Amount, Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { GuardPolicy } from '../../telephony/contract.ts';
import type { CaptureRequest, FieldRequest } from '../contract.ts';
import { refuseUnknownCurrency } from '../known-currency.ts';
import type { CardFace } from '../tokens/contract.ts';

/** What applies when a request does not say. */
export interface CaptureDefaults {
  readonly guard: GuardPolicy;
  readonly secureTimeoutMs: number;
  readonly interDigitTimeoutSeconds: number;
  readonly timeoutSeconds: number;
  readonly mode: Mode;
  readonly tokenStorage: 'provider' | 'vault';
}

/** A request that was checked against the rules of money. Whether a provider takes it is for the directory to say. */
export interface PaymentOrder {
  readonly purpose: Purpose;
  readonly mode: Mode;
  readonly amount?: Amount;
  readonly reference?: string;
  readonly customerReference?: string;
  /** The card that the vault keeps: only what goes with it is captured. */
  readonly token?: CardFace;
  /** The card goes into the vault before anything is sent. */
  readonly keepsCard: boolean;
  /** What the provider is asked for; undefined: none is. */
  readonly asks?: Purpose;
  readonly guard: GuardPolicy;
  readonly spec: CaptureSpec;
}

const DEFAULT_FIELDS: readonly FieldRequest[] = [
  { field: 'card_number' },
  { field: 'expiry' },
  { field: 'security_code' },
];
/** Of a stored card everything is known but what must not be stored (PCI DSS 3.3.1). */
const DEFAULT_FIELDS_OF_STORED: readonly FieldRequest[] = [{ field: 'security_code' }];

/** ISO/IEC 7812-1: the shortest card number that is in use. */
const SHORTEST_CARD_NUMBER = 12;

/**
 * `token` is the stored card that the request names. Throws `amount_required`, `amount_not_allowed`,
 * `currency_unknown`, `reference_like_card`, `token_not_allowed`, `field_not_allowed`, `token_storage_not_allowed`,
 * `wrong_mode`, …
 */
export function checkOrder(
  request: CaptureRequest,
  defaults: CaptureDefaults,
  token?: CardFace,
): PaymentOrder {
  checkMoney(request);
  checkToken(request, token);
  const { purpose, customer_reference: customerReference } = request;
  const keepsCard = savesCard(purpose) && (request.token_storage ?? defaults.tokenStorage) === 'vault';
  // A card that the vault keeps need not be kept by the provider as well.
  const asks = keepsCard ? (purpose === 'tokenize' ? undefined : 'charge') : purpose;
  return {
    purpose,
    mode: request.mode ?? token?.mode ?? defaults.mode,
    ...(request.amount && { amount: request.amount }),
    ...(request.reference !== undefined && { reference: request.reference }),
    ...(customerReference !== undefined && { customerReference }),
    ...(token && { token }),
    keepsCard,
    ...(asks !== undefined && { asks }),
    guard: request.guard ?? defaults.guard,
    spec: specOf(request, defaults, token),
  };
}

function specOf(request: CaptureRequest, defaults: CaptureDefaults, token?: CardFace): CaptureSpec {
  const fields = request.fields ?? (token === undefined ? DEFAULT_FIELDS : DEFAULT_FIELDS_OF_STORED);
  checkFields(fields, token);
  const cardBrand = token && BRANDS.find((brand) => brand === token.brand);
  return {
    fields: fields.map(fieldSpec),
    autoAdvance: request.auto_advance ?? true,
    autoSubmit: request.auto_submit ?? false,
    ...(request.accepted_brands && { acceptedBrands: request.accepted_brands as Brand[] }),
    ...(cardBrand !== undefined && { cardBrand }),
    interDigitTimeoutMs: (request.inter_digit_timeout_seconds ?? defaults.interDigitTimeoutSeconds) * 1000,
    overallTimeoutMs: (request.timeout_seconds ?? defaults.timeoutSeconds) * 1000,
  };
}

function checkFields(fields: readonly FieldRequest[], token: CardFace | undefined): void {
  if (token !== undefined) {
    const known = fields.find(({ field }) => field === 'card_number' || field === 'expiry');
    if (known === undefined) return;
    throw invalid('field_not_allowed', `The token has ${known.field} already: leave the field out.`);
  }
  const card = fields.find(({ field }) => field === 'card_number');
  if (card === undefined || card.required === false) {
    throw invalid('card_number_required', 'A payment needs the required field card_number.');
  }
}

function savesCard(purpose: Purpose): boolean {
  return purpose === 'tokenize' || purpose === 'charge_and_save';
}

function checkMoney(request: CaptureRequest): void {
  const { purpose, amount, reference, customer_reference: customerReference } = request;
  if (purpose === 'tokenize' && amount !== undefined) {
    throw invalid('amount_not_allowed', 'tokenize moves no money: leave the amount out.');
  }
  if (purpose !== 'tokenize' && amount === undefined) {
    throw invalid('amount_required', `${purpose} needs an amount.`);
  }
  if (amount !== undefined) refuseUnknownCurrency(amount.currency, 'amount/currency');
  if (request.token_storage !== undefined && !savesCard(purpose)) {
    throw invalid('token_storage_not_allowed', `${purpose} keeps no card: leave token_storage out.`);
  }
  if (reference !== undefined) refuseCardLike(reference, 'reference');
  if (customerReference !== undefined) refuseCardLike(customerReference, 'customer_reference');
}

function checkToken({ purpose, mode }: CaptureRequest, token: CardFace | undefined): void {
  if (token === undefined) return;
  if (purpose !== 'charge' && purpose !== 'authorize') {
    throw invalid('token_not_allowed', `${purpose} keeps a card; a token has one already.`);
  }
  if (mode !== undefined && mode !== token.mode) throw wrongMode(token.mode);
}

/** For a token that belongs to the other mode. */
export function wrongMode(mode: Mode): HushtoneError {
  return new HushtoneError('wrong_mode', 'invalid', `The token is of ${mode} mode.`);
}

/** Defence in depth: text that is kept must not be able to hold a card number, whoever put it there. */
export function refuseCardLike(
  text: string,
  name: 'reference' | 'customer_reference' | 'subject' | 'agent_id',
): void {
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
