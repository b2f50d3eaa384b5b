import { assert, integer, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CUSTOMER,
  CVC_TOKEN,
  formOf,
  PAYMENT_INTENT,
  PAYMENT_METHOD,
  REFUND,
  SETUP_INTENT,
} from '../../../../src/payments/stripe/wire.ts';

describe('formOf', () => {
  it('writes what Stripe documents', () => {
    const form = formOf({
      amount: 1099,
      confirm: true,
      payment_method_options: { card: { moto: true } },
      allowed_payment_method_types: ['card', 'link'],
      description: 'A & B = 50 % + Ä',
    });
    expect(form).toBe(
      'amount=1099&confirm=true&payment_method_options[card][moto]=true&allowed_payment_method_types[0]=card' +
        '&allowed_payment_method_types[1]=link&description=A%20%26%20B%20%3D%2050%20%25%20%2B%20%C3%84',
    );
  });

  it('is read again as it was meant, whatever the texts are', () => {
    const text = string({ unit: 'grapheme', maxLength: 40 });
    assert(
      property(text, text, integer(), (description, value, amount) => {
        const form = new URLSearchParams(formOf({ description, metadata: { key: value }, amount }));
        expect([...form]).toEqual([
          ['description', description],
          ['metadata[key]', value],
          ['amount', String(amount)],
        ]);
      }),
    );
  });
});

describe('the names that Stripe gives', () => {
  const shapes = [PAYMENT_INTENT, SETUP_INTENT, PAYMENT_METHOD, CUSTOMER, REFUND, CVC_TOKEN];

  it('are told apart', () => {
    const names = [
      'pi_3MtwBwLkdIwHu7ix28a3tqPa',
      'seti_1Mm8s8LkdIwHu7ix0OXBfTRG',
      'pm_1MqLiJLkdIwHu7ixUEgbFdYF',
      'cus_NffrFeUfNV2Hib',
      're_1Nispe2eZvKYlo2Cd31jOCgZ',
      'cvctok_1NnQUf2eZvKYlo2CIObdtbnb',
    ];
    const fits = names.map((name) => shapes.filter((shape) => shape.test(name)).length);
    expect(fits).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it.each(['4242424242424242', 'pi_', '../pi_3Mtw', 'pi_3Mtw/capture', 'pi_3Mtw?x=1', 'pi_3Mtw\n', ''])(
    'are not %j',
    (name) => {
      expect(shapes.some((shape) => shape.test(name))).toBe(false);
    },
  );
});
