import { describe, expect, it } from 'vitest';
import type { DeclineReason } from '../../../../src/payments/contract.ts';
import { agentMessage } from '../../../../src/payments/decline-reasons.ts';
import { declineReason } from '../../../../src/payments/stripe/declines.ts';

/** https://docs.stripe.com/declines/codes, card decline codes: every one of them. */
const PUBLISHED = `
  authentication_required authentication_not_handled approve_with_id call_issuer card_not_supported
  card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card
  fraudulent generic_decline incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip
  insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year
  invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist new_account_information_available
  no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded
  processing_error reenter_transaction restricted_card revocation_of_all_authorizations
  revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order
  testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
  mobile_device_authentication_required`
  .trim()
  .split(/\s+/);

/** What each of them comes to, and the error codes of a card error without one. */
const BY_REASON: Readonly<Partial<Record<DeclineReason, string>>> = {
  authentication_required:
    'authentication_not_handled authentication_required mobile_device_authentication_required offline_pin_required online_or_offline_pin_required setup_intent_authentication_failure payment_intent_authentication_failure payment_intent_action_required',
  call_issuer:
    'approve_with_id call_issuer do_not_honor do_not_try_again no_action_taken not_permitted revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stop_payment_order transaction_not_allowed card_decline_rate_limit_exceeded',
  card_not_supported: 'card_not_supported test_mode_live_card testmode_decline',
  currency_not_supported: 'currency_not_supported',
  expired_card: 'expired_card invalid_expiry_month invalid_expiry_year',
  generic_decline: 'generic_decline incorrect_address incorrect_zip card_declined postal_code_invalid',
  incorrect_number: 'incorrect_number invalid_account invalid_number new_account_information_available',
  incorrect_pin: 'incorrect_pin invalid_pin pin_try_exceeded',
  incorrect_security_code: 'incorrect_cvc invalid_cvc',
  insufficient_funds: 'insufficient_funds',
  limit_exceeded: 'card_velocity_exceeded invalid_amount withdrawal_count_limit_exceeded amount_too_large',
  lost_or_stolen: 'lost_card pickup_card restricted_card stolen_card',
  processing_error:
    'duplicate_transaction issuer_not_available processing_error reenter_transaction try_again_later',
  suspected_fraud: 'fraudulent merchant_blacklist',
};

/** Those that say nothing that an agent could use, or that the caller's address is in doubt, which nobody asked for. */
const WITHOUT_REASON = ['generic_decline', 'incorrect_address', 'incorrect_zip'];

describe('declineReason', () => {
  it.each(PUBLISHED)('has a reason for %s', (code) => {
    expect(declineReason(code) === 'generic_decline').toBe(WITHOUT_REASON.includes(code));
  });

  it.each(Object.entries(BY_REASON))('means %s by its own codes, and by no other', (reason, codes) => {
    for (const code of codes.split(' '))
      expect({ code, reason: declineReason(code) }).toEqual({ code, reason });
  });

  it.each([
    ['insufficient_funds', 'insufficient_funds'],
    ['withdrawal_count_limit_exceeded', 'limit_exceeded'],
    ['invalid_expiry_year', 'expired_card'],
    ['invalid_number', 'incorrect_number'],
    ['incorrect_cvc', 'incorrect_security_code'],
    ['currency_not_supported', 'currency_not_supported'],
    ['do_not_honor', 'call_issuer'],
    ['authentication_not_handled', 'authentication_required'],
    ['issuer_not_available', 'processing_error'],
  ] as const)('%s is %s', (code, reason) => {
    expect(declineReason(code)).toBe(reason satisfies DeclineReason);
  });

  it.each(['lost_card', 'stolen_card', 'pickup_card', 'restricted_card', 'fraudulent', 'merchant_blacklist'])(
    'lets an agent say no more of %s than of a decline without a reason',
    (code) => {
      expect(agentMessage(declineReason(code))).toBe(agentMessage('generic_decline'));
    },
  );

  it.each(['', 'a_code_of_tomorrow', 'constructor', '__proto__'])('takes %j for no reason', (code) => {
    expect(declineReason(code)).toBe('generic_decline');
  });
});
