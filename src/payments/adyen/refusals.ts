import type { DeclineReason } from '../contract.ts';

/**
 * Every published `refusalReasonCode` (docs.adyen.com, refusal reasons). 0 and 1 are no refusals; 13 is a payment that
 * is pending.
 */
export const REFUSAL_REASONS: Readonly<Record<string, DeclineReason>> = {
  2: 'generic_decline', // Refused
  3: 'call_issuer', // Referral
  4: 'processing_error', // Acquirer Error
  5: 'lost_or_stolen', // Blocked Card
  6: 'expired_card', // Expired Card
  7: 'processing_error', // Invalid Amount
  8: 'incorrect_number', // Invalid Card Number
  9: 'processing_error', // Issuer Unavailable
  10: 'card_not_supported', // Not supported
  11: 'authentication_required', // 3D Not Authenticated
  12: 'insufficient_funds', // Not enough balance
  14: 'suspected_fraud', // Acquirer Fraud
  15: 'generic_decline', // Cancelled
  16: 'generic_decline', // Shopper Cancelled
  17: 'incorrect_pin', // Invalid Pin
  18: 'incorrect_pin', // Pin tries exceeded
  19: 'processing_error', // Pin validation not possible
  20: 'suspected_fraud', // FRAUD
  21: 'processing_error', // Not Submitted
  22: 'suspected_fraud', // FRAUD-CANCELLED
  23: 'card_not_supported', // Transaction Not Permitted
  24: 'incorrect_security_code', // CVC Declined
  25: 'card_not_supported', // Restricted Card
  26: 'generic_decline', // Revocation Of Auth
  27: 'generic_decline', // Declined Non Generic
  28: 'limit_exceeded', // Withdrawal amount exceeded
  29: 'limit_exceeded', // Withdrawal count exceeded
  31: 'suspected_fraud', // Issuer Suspected Fraud
  32: 'generic_decline', // AVS Declined
  33: 'card_not_supported', // Card requires online pin
  34: 'card_not_supported', // No checking account available on Card
  35: 'card_not_supported', // No savings account available on Card
  36: 'card_not_supported', // Mobile pin required
  37: 'card_not_supported', // Contactless fallback
  38: 'authentication_required', // Authentication required
  39: 'authentication_required', // RReq not received from DS
  40: 'processing_error', // Current AID is in Penalty Box
  41: 'card_not_supported', // CVM Required Restart Payment
  42: 'authentication_required', // 3DS Authentication Error
  43: 'card_not_supported', // Online PIN required
  44: 'card_not_supported', // Try another interface
  45: 'card_not_supported', // Chip downgrade mode
  46: 'generic_decline', // Transaction blocked by Adyen to prevent excessive retry fees
  50: 'card_not_supported', // Token revoked
};

/** Errors that are about the card, and not about the request: Adyen has looked at it and refused it. */
export const CARD_ERRORS: Readonly<Record<string, DeclineReason>> = {
  101: 'incorrect_number', // Invalid card number
  102: 'incorrect_number', // Unable to determine variant
  103: 'incorrect_security_code', // CVC is not the right length
  129: 'expired_card', // Expiry Date Invalid
  138: 'currency_not_supported', // Unsupported currency specified
  140: 'expired_card', // Expiry month should be between 1 and 12 inclusive
  141: 'expired_card', // Expiry year should be between … and …
  905: 'card_not_supported', // Payment details are not supported
};
