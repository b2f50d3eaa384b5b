import { describe, expect, it } from 'vitest';
import {
  readPaymentIntent,
  readRefund,
  readSetupIntent,
  type Expected,
} from '../../../../src/payments/stripe/answers.ts';

const EXPECTED: Expected = { idempotencyKey: 'att_1', amount: { amount: 1250, currency: 'eur' } };

const INTENT = {
  id: 'pi_3MtwBwLkdIwHu7ix',
  object: 'payment_intent',
  amount: 1250,
  currency: 'eur',
  metadata: { hushtone_key: 'att_1' },
  payment_method: 'pm_1MqLiJLkdIwHu7ix',
  status: 'succeeded',
  last_payment_error: null,
  latest_charge: { id: 'ch_1', payment_method_details: { card: { authorization_code: '123456' } } },
};

const SETUP = {
  id: 'seti_1Mm8s8LkdIwHu7ix',
  object: 'setup_intent',
  metadata: { hushtone_key: 'att_1' },
  payment_method: 'pm_1MqLiJLkdIwHu7ix',
  status: 'succeeded',
};

const UNKNOWN = expect.objectContaining({ name: 'ProviderError', failure: 'unknown_outcome' }) as Error;

describe('readPaymentIntent', () => {
  it('tells what went through', () => {
    expect(readPaymentIntent(INTENT, 'charge', EXPECTED)).toEqual({
      result: 'succeeded',
      providerReference: 'pi_3MtwBwLkdIwHu7ix',
      authorizationCode: '123456',
    });
    expect(readPaymentIntent(INTENT, 'charge_and_save', EXPECTED)).toMatchObject({
      providerToken: 'pm_1MqLiJLkdIwHu7ix',
    });
  });

  it.each([
    null,
    'ch_3MmlLrLkdIwHu7ix',
    { payment_method_details: { card: { authorization_code: null } } },
    {
      payment_method_details: { card: { authorization_code: '4242424242424242' } },
    },
  ])('does without an authorization code that is none: %j', (latestCharge) => {
    const outcome = readPaymentIntent({ ...INTENT, latest_charge: latestCharge }, 'charge', EXPECTED);
    expect(outcome).toEqual({ result: 'succeeded', providerReference: 'pi_3MtwBwLkdIwHu7ix' });
  });

  it.each(['requires_capture', 'succeeded', 'canceled'])(
    'takes an authorization for one also when it is %s by now',
    (status) => {
      expect(readPaymentIntent({ ...INTENT, status }, 'authorize', EXPECTED)).toMatchObject({
        result: 'succeeded',
      });
    },
  );

  it('tells a decline that is kept', () => {
    const intent = {
      ...INTENT,
      status: 'requires_payment_method',
      payment_method: null,
      latest_charge: 'ch_1',
      last_payment_error: { type: 'card_error', code: 'card_declined', decline_code: 'lost_card' },
    };
    expect(readPaymentIntent(intent, 'charge', EXPECTED)).toEqual({
      result: 'declined',
      reason: 'lost_or_stolen',
      rawCode: 'lost_card',
      providerReference: 'pi_3MtwBwLkdIwHu7ix',
    });
  });

  it('takes a payment that would have to be confirmed on a page for a decline', () => {
    expect(readPaymentIntent({ ...INTENT, status: 'requires_action' }, 'charge', EXPECTED)).toMatchObject({
      result: 'declined',
      reason: 'authentication_required',
    });
  });

  it('takes one that was given up without a charge for a decline', () => {
    const intent = { ...INTENT, status: 'canceled', latest_charge: null };
    expect(readPaymentIntent(intent, 'charge', EXPECTED)).toMatchObject({
      result: 'declined',
      rawCode: 'canceled',
    });
  });

  it.each([
    ['is still under way', { status: 'processing' }],
    ['is not confirmed yet', { status: 'requires_confirmation' }],
    ['has not met a card yet', { status: 'requires_payment_method' }],
    ['is authorized but was to be charged', { status: 'requires_capture' }],
    ['has a status of tomorrow', { status: 'requires_patience' }],
    ['is of another attempt', { metadata: { hushtone_key: 'att_2' } }],
    ['is of nobody', { metadata: {} }],
    ['has another amount', { amount: 1251 }],
    ['has another currency', { currency: 'usd' }],
    ['has no name', { id: undefined }],
    ['has a number for a name', { id: '4242424242424242' }],
    ['is something else', { object: 'charge' }],
  ])('decides nothing when it %s', (_what, changes) => {
    expect(() => readPaymentIntent({ ...INTENT, ...changes }, 'charge', EXPECTED)).toThrow(UNKNOWN);
  });

  it('decides nothing when a card was to be kept and none is named', () => {
    expect(() => readPaymentIntent({ ...INTENT, payment_method: null }, 'charge_and_save', EXPECTED)).toThrow(
      UNKNOWN,
    );
  });
});

describe('readSetupIntent', () => {
  it('tells the card that is kept, or why it is not', () => {
    expect(readSetupIntent(SETUP, EXPECTED)).toEqual({
      result: 'succeeded',
      providerReference: 'seti_1Mm8s8LkdIwHu7ix',
      providerToken: 'pm_1MqLiJLkdIwHu7ix',
    });
    const declined = {
      ...SETUP,
      status: 'requires_payment_method',
      last_setup_error: { type: 'card_error', code: 'expired_card' },
    };
    expect(readSetupIntent(declined, EXPECTED)).toMatchObject({ result: 'declined', reason: 'expired_card' });
  });

  it.each([
    { status: 'processing' },
    { payment_method: null },
    { metadata: null },
    { object: 'payment_intent' },
  ])('decides nothing of %j', (changes) => {
    expect(() => readSetupIntent({ ...SETUP, ...changes }, EXPECTED)).toThrow(UNKNOWN);
  });
});

describe('readRefund', () => {
  const refund = { id: 're_1Nispe2eZvKYlo2C', object: 'refund', amount: 1250, metadata: INTENT.metadata };

  it.each(['succeeded', 'pending', 'requires_action'])('takes one that is %s for taken on', (status) => {
    expect(readRefund({ ...refund, status }, EXPECTED)).toEqual({
      result: 'succeeded',
      providerReference: 're_1Nispe2eZvKYlo2C',
    });
  });

  it.each([
    ['failed', 'expired_or_canceled_card', 'expired_or_canceled_card'],
    ['failed', undefined, 'failed'],
    ['canceled', undefined, 'canceled'],
  ])('tells one that is %s', (status, failure_reason, rawCode) => {
    expect(readRefund({ ...refund, status, failure_reason }, EXPECTED)).toMatchObject({
      result: 'declined',
      reason: 'not_modifiable',
      rawCode,
    });
  });

  it.each([
    { status: 'tomorrow' },
    { status: 'succeeded', amount: 1 },
    { status: 'succeeded', metadata: {} },
  ])('decides nothing of %j', (changes) => {
    expect(() => readRefund({ ...refund, ...changes }, EXPECTED)).toThrow(UNKNOWN);
  });
});
