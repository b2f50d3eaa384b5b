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

export interface PaymentRequest {
  readonly purpose: Purpose;
  /**
   * Written before the request is sent; the same key never moves money twice. 1 to 64 letters, digits, `_`, `.`, `:` or
   * `-`, which every provider takes.
   */
  readonly idempotencyKey: string;
  /** Absent for `tokenize` only. */
  readonly amount?: Amount;
  readonly reference?: string;
  readonly card: CardDetails;
}

/** Why a card was refused, in words that an agent may pass on. */
export type DeclineReason =
  | 'generic_decline'
  | 'insufficient_funds'
  | 'expired_card'
  | 'incorrect_security_code'
  | 'incorrect_pin'
  | 'lost_or_stolen'
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
  /** The provider has published a PIN key and checks ISO 9564-1 format 4 blocks. */
  readonly pin: boolean;
}

export interface PaymentProvider {
  readonly name: string;
  /** What is known by now. Read it anew for every capture: a provider may have been down before. */
  readonly capabilities: ProviderCapabilities;
  /** Sends one attempt. Rejects with a `ProviderError` when there is no outcome. */
  pay(request: PaymentRequest): Promise<PaymentOutcome>;
  /**
   * What became of an attempt: its outcome, or undefined when the provider says that it never saw the key. Rejects with
   * a `ProviderError` when that cannot be told now: the attempt stays unknown, whatever the failure, and is looked up
   * again later. Never rejects as `unavailable`.
   */
  lookup(idempotencyKey: string): Promise<PaymentOutcome | undefined>;
  /** Waits for what is under way, then drops the connections. Later calls of `pay` are refused as `unavailable`. */
  close(): Promise<void>;
}
