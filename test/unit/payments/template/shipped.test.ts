import { expect, it } from 'vitest';
import { SHIPPED_TEMPLATES } from '../../../../src/payments/template/templates/index.ts';

it('the shipped templates mean by their codes what the tokenizers publish', () => {
  const codes = Object.fromEntries(
    Object.entries(SHIPPED_TEMPLATES).map(([name, { answer }]) => [name, answer.declined?.codes]),
  );
  expect(codes).toEqual({
    'basis-theory': undefined,
    checkout: {
      card_number_invalid: 'incorrect_number',
      card_expired: 'expired_card',
      card_expiry_month_invalid: 'expired_card',
      card_expiry_year_invalid: 'expired_card',
      cvv_invalid: 'incorrect_security_code',
    },
    spreedly: {
      number: 'incorrect_number',
      verification_value: 'incorrect_security_code',
      month: 'expired_card',
      year: 'expired_card',
    },
  });
});

it('of the tokenizers shipped only Spreedly says in a success whether it was one', () => {
  const conditions = Object.entries(SHIPPED_TEMPLATES).flatMap(([name, { answer }]) =>
    answer.succeeded.where === undefined ? [] : [[name, answer.succeeded.where]],
  );
  expect(conditions).toEqual([['spreedly', { '/transaction/succeeded': true }]]);
});
