import type { Template } from '../template.ts';

/** Spreedly: create and retain a payment method (https://docs.spreedly.com). The user name is the environment key. */
export const SPREEDLY: Template = {
  url: { test: 'https://core.spreedly.com', live: 'https://core.spreedly.com' },
  authentication: { scheme: 'basic' },
  request: {
    path: '/v1/payment_methods.json',
    body: {
      payment_method: {
        credit_card: {
          number: '{{card.number}}',
          verification_value: '{{card.security_code}}',
          month: '{{card.expiry_month}}',
          year: '{{card.expiry_year}}',
          zip: '{{card.postal_code}}',
        },
        allow_blank_name: true, // nobody keys a name on a telephone
        retained: true,
        metadata: { reference: '{{reference}}', idempotency_key: '{{idempotency_key}}' },
      },
    },
  },
  answer: {
    succeeded: {
      statuses: [200, 201],
      where: { '/transaction/succeeded': true }, // a refusal may come with 201, and with a token
      token: '/transaction/payment_method/token',
      reference: '/transaction/token',
    },
    declined: {
      statuses: [422],
      code: '/errors/0/attribute',
      codes: {
        number: 'incorrect_number',
        verification_value: 'incorrect_security_code',
        month: 'expired_card',
        year: 'expired_card',
      },
    },
    error: { code: '/errors/0/key', message: '/errors/0/message' },
  },
  check: { method: 'GET', path: '/v1/gateways.json' },
};
