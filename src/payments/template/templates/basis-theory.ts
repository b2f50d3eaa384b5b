import type { Template } from '../template.ts';

/** Basis Theory: create a token (https://developers.basistheory.com/docs/api/tokens). */
export const BASIS_THEORY: Template = {
  url: { test: 'https://api.basistheory.com', live: 'https://api.basistheory.com' },
  authentication: { scheme: 'header', name: 'BT-API-KEY' },
  credential_prefixes: { test: ['key_test_'], live: ['key_prod_'] },
  request: {
    path: '/tokens',
    headers: { 'BT-IDEMPOTENCY-KEY': '{{idempotency_key}}' },
    body: {
      type: 'card',
      data: {
        number: '{{card.number}}',
        expiration_month: '{{card.expiry_month_number}}',
        expiration_year: '{{card.expiry_year_number}}',
        cvc: '{{card.security_code}}',
      },
    },
  },
  answer: {
    succeeded: { statuses: [200, 201], token: '/id' },
    error: { code: '/title', message: '/detail' },
  },
  check: { method: 'GET', path: '/applications/key' },
};
