import { describe, expect, it } from 'vitest';
import type { ModificationRequest } from '../../../../src/payments/contract.ts';
import { readRefusal, refusedModification, refusedPayment } from '../../../../src/payments/stripe/errors.ts';
import type { TransportAnswer } from '../../../../src/payments/transport/transport.ts';

const answer = (status: number, error: unknown): TransportAnswer => ({
  status,
  headers: {},
  body: Buffer.from(typeof error === 'string' ? error : JSON.stringify({ error })),
});

const REFUND: ModificationRequest = {
  modification: 'refund',
  idempotencyKey: 'att_1',
  providerReference: 'pi_3MtwBwLkdIwHu7ix',
  amount: { value: 100, currency: 'EUR' },
  authorized: { value: 100, currency: 'EUR' },
};

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('refusedPayment', () => {
  it('is a decline by the most exact code there is', () => {
    const declined = (error: object): unknown =>
      refusedPayment(answer(402, { type: 'card_error', message: 'Your card was declined.', ...error }));
    expect(declined({ code: 'card_declined', decline_code: 'stolen_card' })).toEqual({
      result: 'declined',
      reason: 'lost_or_stolen',
      rawCode: 'stolen_card',
    });
    expect(declined({ code: 'incorrect_cvc' })).toMatchObject({ reason: 'incorrect_security_code' });
    expect(declined({ code: 'card_declined', decline_code: 'new_tomorrow' })).toMatchObject({
      reason: 'generic_decline',
      rawCode: 'new_tomorrow',
    });
    expect(declined({})).toMatchObject({ reason: 'generic_decline', rawCode: 'card_error' });
    expect(declined({ code: 'expired_card', payment_intent: { id: 'pi_3MtwBwLkdIwHu7ix' } })).toMatchObject({
      providerReference: 'pi_3MtwBwLkdIwHu7ix',
    });
    expect(declined({ code: 'expired_card', setup_intent: { id: 'seti_1Mm8s8Lk' } })).toMatchObject({
      providerReference: 'seti_1Mm8s8Lk',
    });
  });

  it('passes on nothing that is no code and no name of Stripe’s', () => {
    const error = {
      type: 'card_error',
      code: '4242424242424242',
      decline_code: 'card_4242424242424242',
      param: 'card[4242424242424242]',
      payment_intent: { id: '4242424242424242' },
    };
    expect(JSON.stringify(refusedPayment(answer(402, error)))).not.toMatch(/\d{4}/);
    expect(JSON.stringify(readRefusal(answer(402, error)))).not.toMatch(/\d{4}/);
  });

  it.each([
    [401, { type: 'invalid_request_error', code: 'api_key_expired' }, 'authentication'],
    [403, { type: 'invalid_request_error' }, 'authentication'],
    [400, { type: 'invalid_request_error', code: 'parameter_missing', param: 'amount' }, 'invalid_request'],
    [404, { type: 'invalid_request_error', code: 'resource_missing' }, 'invalid_request'],
    [400, { type: 'idempotency_error' }, 'unknown_outcome'],
    [409, { type: 'idempotency_error', code: 'idempotency_key_in_use' }, 'unknown_outcome'],
    [409, { type: 'invalid_request_error', code: 'lock_timeout' }, 'unknown_outcome'],
    [429, { type: 'rate_limit_error', code: 'rate_limit' }, 'rate_limited'],
    [429, { type: 'invalid_request_error', code: 'lock_timeout' }, 'rate_limited'],
    [500, { type: 'api_error' }, 'unknown_outcome'],
    [503, '<html>busy</html>', 'unknown_outcome'],
    // Not Stripe's own word: whatever is on the way may have passed the request on.
    [403, '<html>who are you</html>', 'unknown_outcome'],
    [404, '{}', 'unknown_outcome'],
    [302, '', 'unknown_outcome'],
  ])('takes %i %j for %s', (status, error, failure) => {
    expect(thrown(() => refusedPayment(answer(status, error)))).toMatchObject({
      name: 'ProviderError',
      failure,
    });
  });

  it('names the two permissions that an account may lack', () => {
    const raw = { type: 'invalid_request_error', message: 'Sending credit card numbers directly to …' };
    expect(thrown(() => refusedPayment(answer(402, raw)))).toMatchObject({
      failure: 'invalid_request',
      message: expect.stringContaining('raw card data') as string,
    });
    const moto = {
      type: 'invalid_request_error',
      code: 'parameter_unknown',
      param: 'payment_method_options[card][moto]',
    };
    expect(thrown(() => refusedPayment(answer(400, moto)))).toMatchObject({
      failure: 'invalid_request',
      message: expect.stringContaining('MOTO') as string,
    });
  });
});

describe('refusedModification', () => {
  it.each([
    [{ type: 'invalid_request_error', code: 'charge_already_refunded' }, 'charge_already_refunded'],
    [
      { type: 'invalid_request_error', code: 'amount_too_large', param: 'amount_to_capture' },
      'amount_too_large',
    ],
    [
      { type: 'invalid_request_error', code: 'payment_intent_unexpected_state' },
      'payment_intent_unexpected_state',
    ],
    // Too large a refund has a message only.
    [{ type: 'invalid_request_error', param: 'amount' }, 'invalid_request_error'],
  ])('is a decline when the payment is not such: %j', (error, rawCode) => {
    expect(refusedModification(answer(400, error), REFUND)).toEqual({
      result: 'declined',
      reason: 'not_modifiable',
      rawCode,
      providerReference: 'pi_3MtwBwLkdIwHu7ix',
    });
  });

  it.each([
    [400, { type: 'invalid_request_error', code: 'parameter_unknown', param: 'colour' }, 'invalid_request'],
    [404, { type: 'invalid_request_error', code: 'resource_missing' }, 'invalid_request'],
    [400, { type: 'idempotency_error' }, 'unknown_outcome'],
    [401, { type: 'invalid_request_error' }, 'authentication'],
    [500, { type: 'api_error' }, 'unknown_outcome'],
  ])('is no decline when the request is wrong: %i %j', (status, error, failure) => {
    expect(thrown(() => refusedModification(answer(status, error), REFUND))).toMatchObject({ failure });
  });

  it('is a decline when the issuer refuses to have it captured', () => {
    const error = { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds' };
    expect(refusedModification(answer(402, error), REFUND)).toMatchObject({
      reason: 'insufficient_funds',
      providerReference: 'pi_3MtwBwLkdIwHu7ix',
    });
  });
});
