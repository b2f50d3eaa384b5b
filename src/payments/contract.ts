import type { SecretBuffer } from '../secrets/secret-buffer.ts';

/** What an attempt is for. `tokenize` moves no money. */
export type Purpose = 'charge' | 'authorize' | 'tokenize' | 'charge_and_save';

/** ISO 4217: `value` in minor units. */
export interface Amount {
  readonly value: number;
  readonly currency: string;
}

/**
 * Captured values as the provider gets them: ASCII digits in secret memory. The provider reads them during the call
 * and neither keeps nor wipes them; the caller of the provider wipes them in every outcome.
 */
export interface CardDetails {
  readonly cardNumber: SecretBuffer;
  /** MMYY. */
  readonly expiry?: SecretBuffer;
  readonly securityCode?: SecretBuffer;
  readonly postalCode?: SecretBuffer;
  /** 4 to 12 digits; leaves only as an ISO 9564-1 format 4 block. */
  readonly pin?: SecretBuffer;
}

/** A card that the provider keeps from an earlier attempt, by the provider's own name for it. */
export interface StoredCard {
  readonly providerToken: string;
  /** Captured anew for this payment. */
  readonly securityCode?: SecretBuffer;
}

/** A card that was keyed or comes out of the vault, or one that the provider keeps: exactly one of them. */
export type CardSource =
  | { readonly card: CardDetails; readonly stored?: never }
  | { readonly card?: never; readonly stored: StoredCard };

/** Changes to a payment that its provider has authorized. */
export type Modification = 'capture' | 'void' | 'refund';

/** What one attempt asks of a provider. */
export type Operation = Purpose | Modification;

export type PaymentRequest = CardSource & {
  readonly purpose: Purpose;
  /**
   * Written before the request is sent; the same key never moves money twice. 1 to 64 letters, digits, `_`, `.`, `:` or
   * `-`, which every provider takes.
   */
  readonly idempotencyKey: string;
  /** Absent for `tokenize` only. */
  readonly amount?: Amount;
  readonly reference?: string;
  /** The account's own name for its customer; some providers keep a card only under one. */
  readonly customerReference?: string;
  /**
   * `cardholder` (the default): someone is on the telephone, a mail or telephone order (MOTO). `merchant`: a later
   * charge of a stored card without them.
   */
  readonly initiatedBy?: 'cardholder' | 'merchant';
};

export interface ModificationRequest {
  readonly modification: Modification;
  /** As in `PaymentRequest`: written before it is sent, and one for each modification. */
  readonly idempotencyKey: string;
  /** The provider's name of the payment that is modified. */
  readonly providerReference: string;
  /** What is captured or refunded, at most what is left of it; absent for `void`. */
  readonly amount?: Amount;
  /** What was authorized. */
  readonly authorized: Amount;
  readonly reference?: string;
}

/** What an attempt is found by at its provider. */
export interface LookupQuery {
  readonly idempotencyKey: string;
  readonly operation: Operation;
  readonly amount?: Amount;
  /** The provider's name of the payment, when it is known: always for a modification. */
  readonly providerReference?: string;
  readonly reference?: string;
  /** When the attempt was written; it was sent later than that. */
  readonly since: Date;
}

/** Why a card, or a modification, was refused. What an agent may say of it is in `decline-reasons.ts`. */
export type DeclineReason =
  | 'generic_decline'
  | 'insufficient_funds'
  | 'limit_exceeded'
  | 'expired_card'
  | 'incorrect_number'
  | 'incorrect_security_code'
  | 'incorrect_pin'
  | 'card_not_supported'
  | 'currency_not_supported'
  | 'lost_or_stolen'
  | 'suspected_fraud'
  | 'call_issuer'
  | 'authentication_required'
  | 'not_modifiable'
  | 'processing_error';

export type PaymentOutcome =
  | {
      readonly result: 'succeeded';
      readonly providerReference: string;
      readonly authorizationCode?: string;
      readonly providerToken?: string;
    }
  | {
      readonly result: 'declined';
      readonly reason: DeclineReason;
      readonly rawCode: string;
      readonly providerReference?: string;
    };

/**
 * Why there is no outcome.
 *
 * - `unknown_outcome`: the request may have arrived, so it is looked up and never sent again.
 * - `unavailable`: it is proven that nothing arrived, or the provider promised that nothing was processed.
 * - `invalid_request`, `authentication`, `rate_limited`: the request was refused, and nothing was processed.
 */
export type ProviderFailure =
  'invalid_request' | 'authentication' | 'rate_limited' | 'unavailable' | 'unknown_outcome';

export interface ProviderCapabilities {
  readonly purposes: readonly Purpose[];
  readonly modifications: readonly Modification[];
  /** Less than the authorized amount can be captured, and less than the captured amount refunded. */
  readonly partialAmounts: boolean;
  /** Cards that it keeps can be charged again by its own token. */
  readonly storedCards: boolean;
  /** The provider has published a PIN key and checks ISO 9564-1 format 4 blocks. */
  readonly pin: boolean;
  /**
   * How a lost answer is found again. `lookup`: the provider can be asked. `replay`: it cannot, but it promises that the
   * same request under the same key moves no money twice and gives the first answer; that needs the card again.
   */
  readonly recovery: 'lookup' | 'replay';
  /**
   * After this long, in milliseconds from the moment the gateway gave up waiting, a look-up that finds nothing proves
   * that the attempt never arrived. It covers the provider's own longest time-out and its delay in listing.
   */
  readonly absenceProvenAfterMs: number;
}

/** One thing that is wrong with a provider's configuration, or with what the provider lets this account do. */
export interface CheckFinding {
  readonly code:
    | 'unreachable'
    | 'authentication_failed'
    | 'wrong_mode'
    | 'raw_card_data_not_enabled'
    | 'moto_not_enabled'
    | 'merchant_account_unknown'
    | 'encryption_key_unknown'
    | 'configuration_refused';
  /** One sentence for an operator: what is wrong and where it is set right. Without secrets. */
  readonly message: string;
}

export interface PaymentProvider {
  readonly name: string;
  /** What is known by now. Read it anew for every capture: a provider may have been down before. */
  readonly capabilities: ProviderCapabilities;
  /** Sends one attempt. Rejects with a `ProviderError` when there is no outcome. */
  pay(request: PaymentRequest): Promise<PaymentOutcome>;
  /**
   * Sends one modification of an authorized payment. Rejects with a `ProviderError` when there is no outcome. A provider
   * that has taken it on and carries it out later has it `succeeded`.
   */
  modify(request: ModificationRequest): Promise<PaymentOutcome>;
  /**
   * What became of an attempt: its outcome, or undefined when the provider says that it never saw it. Rejects with
   * a `ProviderError` when that cannot be told now, or ever (`recovery: 'replay'`): the attempt stays unknown, whatever
   * the failure. Never rejects as `unavailable`.
   */
  lookup(query: LookupQuery): Promise<PaymentOutcome | undefined>;
  /** Connects with the configured credentials and does something harmless. Empty: nothing is wrong. Never rejects. */
  check(): Promise<readonly CheckFinding[]>;
  /** Waits for what is under way, then drops the connections. Later calls of `pay` are refused as `unavailable`. */
  close(): Promise<void>;
}
