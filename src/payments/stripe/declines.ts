import type { DeclineReason } from '../contract.ts';

/**
 * Every decline code that Stripe publishes for cards (https://docs.stripe.com/declines/codes), and the error codes that
 * a card error has without one (https://docs.stripe.com/error-codes).
 */
const REASONS: Readonly<Record<string, DeclineReason>> = {
  approve_with_id: 'call_issuer',
  authentication_not_handled: 'authentication_required',
  authentication_required: 'authentication_required',
  call_issuer: 'call_issuer',
  card_not_supported: 'card_not_supported',
  card_velocity_exceeded: 'limit_exceeded',
  currency_not_supported: 'currency_not_supported',
  do_not_honor: 'call_issuer',
  do_not_try_again: 'call_issuer',
  duplicate_transaction: 'processing_error',
  expired_card: 'expired_card',
  fraudulent: 'suspected_fraud',
  generic_decline: 'generic_decline',
  incorrect_address: 'generic_decline',
  incorrect_cvc: 'incorrect_security_code',
  incorrect_number: 'incorrect_number',
  incorrect_pin: 'incorrect_pin',
  incorrect_zip: 'generic_decline',
  insufficient_funds: 'insufficient_funds',
  invalid_account: 'incorrect_number',
  invalid_amount: 'limit_exceeded',
  invalid_cvc: 'incorrect_security_code',
  invalid_expiry_month: 'expired_card',
  invalid_expiry_year: 'expired_card',
  invalid_number: 'incorrect_number',
  invalid_pin: 'incorrect_pin',
  issuer_not_available: 'processing_error',
  lost_card: 'lost_or_stolen',
  merchant_blacklist: 'suspected_fraud',
  mobile_device_authentication_required: 'authentication_required',
  new_account_information_available: 'incorrect_number',
  no_action_taken: 'call_issuer',
  not_permitted: 'call_issuer',
  offline_pin_required: 'authentication_required',
  online_or_offline_pin_required: 'authentication_required',
  pickup_card: 'lost_or_stolen',
  pin_try_exceeded: 'incorrect_pin',
  processing_error: 'processing_error',
  reenter_transaction: 'processing_error',
  restricted_card: 'lost_or_stolen',
  revocation_of_all_authorizations: 'call_issuer',
  revocation_of_authorization: 'call_issuer',
  security_violation: 'call_issuer',
  service_not_allowed: 'call_issuer',
  stolen_card: 'lost_or_stolen',
  stop_payment_order: 'call_issuer',
  test_mode_live_card: 'card_not_supported',
  testmode_decline: 'card_not_supported',
  transaction_not_allowed: 'call_issuer',
  try_again_later: 'processing_error',
  withdrawal_count_limit_exceeded: 'limit_exceeded',

  amount_too_large: 'limit_exceeded',
  card_decline_rate_limit_exceeded: 'call_issuer',
  card_declined: 'generic_decline',
  postal_code_invalid: 'generic_decline',
  setup_intent_authentication_failure: 'authentication_required',
  payment_intent_authentication_failure: 'authentication_required',
  payment_intent_action_required: 'authentication_required',
};

/** A code that is not known yet is a decline without a reason. */
export function declineReason(code: string): DeclineReason {
  return (Object.hasOwn(REASONS, code) ? REASONS[code] : undefined) ?? 'generic_decline';
}
