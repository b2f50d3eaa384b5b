import type { Template } from '../template.ts';

/** Checkout.com: request a token with the public key (https://api-reference.checkout.com). It lasts 15 minutes. */
export const CHECKOUT: Template = {
  url: { test: 'https://api.sandbox.checkout.com', live: 'https://api.checkout.com' },
  authentication: { scheme: 'bearer' },
  credential_prefixes: { test: ['pk_sbox_', 'pk_test_'], live: ['pk_'] },
  request: {
    path: '/tokens',
    body: {
      type: 'card',
      number: '{{card.number}}',
      expiry_month: '{{card.expiry_month_number}}',
      expiry_year: '{{card.expiry_year_number}}',
      cvv: '{{card.security_code}}',
    },
  },
  answer: {
    succeeded: { statuses: [201], token: '/token' },
    declined: {
      statuses: [422],
      code: '/error_codes/0',
      codes: {
        card_number_invalid: 'incorrect_number',
        card_expired: 'expired_card',
        card_expiry_month_invalid: 'expired_card',
        card_expiry_year_invalid: 'expired_card',
        cvv_invalid: 'incorrect_security_code',
      },
    },
    error: { code: '/error_type', message: '/error_codes/0' },
  },
  // Without a card there is nothing to keep: refused, but only once the key was found right.
  check: { method: 'POST', path: '/tokens', body: { type: 'card' } },
};
