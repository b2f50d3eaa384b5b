import { describe, expect, it } from 'vitest';
import { readModification, readPayment } from '../../../../src/payments/adyen/answers.ts';
import { CARD_ERRORS, REFUSAL_REASONS } from '../../../../src/payments/adyen/refusals.ts';
import { declineOf } from '../../../../src/payments/adyen/errors.ts';
import type { DeclineReason } from '../../../../src/payments/contract.ts';
import type { TransportAnswer } from '../../../../src/payments/transport/transport.ts';

const EXPECTED = { reference: 'order-1', amount: { value: 1250, currency: 'EUR' }, saves: false };
const PSP = 'NC6HT9CRT65ZGN82';

function answer(body: unknown, status = 200, headers: Record<string, string> = {}): TransportAnswer {
  return { status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
}

const payment = (members: object): TransportAnswer =>
  answer({ pspReference: PSP, merchantReference: 'order-1', ...members });

describe('an answer to a payment', () => {
  it('is a success with the authorisation code, and with the token where one was asked for', () => {
    const data = {
      authCode: '012345',
      'tokenization.storedPaymentMethodId': 'M5N7TQ4TG5PFWR50',
    };
    const authorised = payment({
      resultCode: 'Authorised',
      amount: { value: 1250, currency: 'EUR' },
      additionalData: data,
    });
    const success = { result: 'succeeded', providerReference: PSP, authorizationCode: '012345' };
    expect(readPayment(authorised, EXPECTED)).toEqual(success);
    expect(readPayment(authorised, { ...EXPECTED, saves: true })).toEqual({
      ...success,
      providerToken: 'M5N7TQ4TG5PFWR50',
    });
  });

  it('finds the token under its earlier name too', () => {
    const authorised = payment({
      resultCode: 'Authorised',
      additionalData: { 'recurring.recurringDetailReference': '8415718415172204' },
    });
    expect(readPayment(authorised, { ...EXPECTED, saves: true })).toMatchObject({
      providerToken: '8415718415172204',
    });
  });

  it.each(['RedirectShopper', 'IdentifyShopper', 'ChallengeShopper'])(
    '%s is a decline: nobody on a telephone can go there',
    (resultCode) => {
      expect(readPayment(payment({ resultCode, pspReference: undefined }), EXPECTED)).toEqual({
        result: 'declined',
        reason: 'authentication_required',
        rawCode: resultCode,
      });
    },
  );

  it.each([
    'Pending',
    'Received',
    'PresentToShopper',
    'AuthenticationFinished',
    'AuthenticationNotRequired',
    'Success',
  ])('%s decides nothing', (resultCode) => {
    expect(readPayment(payment({ resultCode }), EXPECTED)).toBeUndefined();
  });

  it('tells that a part only was authorised', () => {
    expect(readPayment(payment({ resultCode: 'PartiallyAuthorised' }), EXPECTED)).toEqual({
      result: 'partial',
      providerReference: PSP,
    });
  });

  it.each([
    ['Refused', '12', 'insufficient_funds'],
    ['Refused', '2', 'generic_decline'],
    ['Error', '4', 'processing_error'],
    ['Cancelled', '22', 'suspected_fraud'],
    ['Refused', '999', 'generic_decline'],
    ['Error', '998', 'processing_error'],
  ])('%s with %s is a decline: %s', (resultCode, refusalReasonCode, reason) => {
    const refused = payment({ resultCode, refusalReasonCode, refusalReason: 'some words' });
    expect(readPayment(refused, EXPECTED)).toEqual({
      result: 'declined',
      reason,
      rawCode: refusalReasonCode,
      providerReference: PSP,
    });
  });

  it('has the result code for a raw code where there is no other', () => {
    expect(readPayment(payment({ resultCode: 'Cancelled' }), EXPECTED)).toMatchObject({
      reason: 'generic_decline',
      rawCode: 'Cancelled',
    });
  });

  it.each([
    ['text', '<html>'],
    ['a list', '[]'],
    ['no result', { pspReference: PSP }],
    ['a result that nobody published', { pspReference: PSP, resultCode: 'Maybe' }],
    ['a name of an object’s own', { pspReference: PSP, resultCode: 'constructor' }],
    ['another reference', { pspReference: PSP, resultCode: 'Authorised', merchantReference: 'order-2' }],
    [
      'another amount',
      { pspReference: PSP, resultCode: 'Authorised', amount: { value: 1, currency: 'EUR' } },
    ],
    [
      'another currency',
      { pspReference: PSP, resultCode: 'Authorised', amount: { value: 1250, currency: 'USD' } },
    ],
    ['no name of the payment', { resultCode: 'Authorised' }],
    ['a malformed name', { resultCode: 'Authorised', pspReference: '4242 4242 4242 4242' }],
  ])('is not read when it is %s', (_what, body) => {
    expect(readPayment(answer(body), EXPECTED)).toBeUndefined();
  });
});

describe('an answer to a modification', () => {
  const received = { paymentPspReference: PSP, pspReference: 'WNS7WQ756L2GWR82', status: 'received' };

  it('is a success once it was taken on', () => {
    expect(readModification(answer(received, 201), PSP)).toEqual({
      result: 'succeeded',
      providerReference: 'WNS7WQ756L2GWR82',
    });
  });

  it.each([
    { ...received, paymentPspReference: 'WNS7WQ756L2GWR82' },
    { ...received, status: 'refused' },
    { ...received, pspReference: undefined },
    {},
  ])('is not read when it is about another payment or not taken on', (body) => {
    expect(readModification(answer(body, 201), PSP)).toBeUndefined();
  });
});

/** https://docs.adyen.com/development-resources/refusal-reasons: what each code comes to. */
const BY_REASON: Readonly<Partial<Record<DeclineReason, string>>> = {
  authentication_required: '11 38 39 42',
  call_issuer: '3',
  card_not_supported: '10 23 25 33 34 35 36 37 41 43 44 45 50',
  expired_card: '6',
  generic_decline: '2 15 16 26 27 32 46',
  incorrect_number: '8',
  incorrect_pin: '17 18',
  incorrect_security_code: '24',
  insufficient_funds: '12',
  limit_exceeded: '28 29',
  lost_or_stolen: '5',
  processing_error: '4 7 9 19 21 40',
  suspected_fraud: '14 20 22 31',
};

describe('refusal reasons', () => {
  it('has every published code, and none that is no refusal', () => {
    const published = Array.from({ length: 46 }, (_, index) => index + 1).filter(
      (code) => ![1, 13, 30].includes(code),
    );
    expect(
      Object.keys(REFUSAL_REASONS)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([...published, 50]);
  });

  it.each(Object.entries(BY_REASON))('means %s by its own codes, and by no other', (reason, codes) => {
    const own = Object.keys(REFUSAL_REASONS).filter((code) => REFUSAL_REASONS[code] === reason);
    expect(own.join(' ')).toBe(codes);
  });
});

describe('an error', () => {
  const error = (
    status: number,
    errorCode: string | undefined,
    headers: Record<string, string> = {},
  ): TransportAnswer =>
    answer({ status, errorCode, message: 'words', errorType: 'validation' }, status, headers);

  it.each(Object.entries(CARD_ERRORS))('%s about the card is a decline: %s', (code, reason) => {
    expect(declineOf(error(422, code), 'pay')).toEqual({ result: 'declined', reason, rawCode: code });
  });

  it('of the family of unsupported payment details is a decline, whatever its status', () => {
    expect(declineOf(error(500, '905_1'), 'pay')).toEqual({
      result: 'declined',
      reason: 'card_not_supported',
      rawCode: '905_1',
    });
  });

  it('about a payment that there is not declines a modification', () => {
    expect(declineOf(error(422, '167'), 'modify')).toEqual({
      result: 'declined',
      reason: 'not_modifiable',
      rawCode: '167',
    });
    // What is about a card does not concern one.
    expect(() => declineOf(error(422, '101'), 'modify')).toThrow(
      expect.objectContaining({ failure: 'invalid_request' }),
    );
  });

  it.each([
    [401, '000', {}, 'authentication'],
    [403, '901', {}, 'authentication'],
    [403, '010', {}, 'authentication'],
    [400, '702', {}, 'invalid_request'],
    [422, '174', {}, 'invalid_request'],
    [422, '130', {}, 'invalid_request'],
    [404, undefined, {}, 'invalid_request'],
    [429, undefined, {}, 'rate_limited'],
    [409, '704', { 'transient-error': 'true' }, 'unknown_outcome'],
    [422, '704', { 'transient-error': 'true' }, 'unknown_outcome'],
    [422, '704', {}, 'unknown_outcome'],
    [500, '703', {}, 'unknown_outcome'],
    [422, '101', { 'transient-error': 'true' }, 'unknown_outcome'],
    [500, undefined, {}, 'unknown_outcome'],
    [503, '000', {}, 'unknown_outcome'],
    [302, undefined, {}, 'unknown_outcome'],
  ] as const)('%i with %s and %o is %s', (status, code, headers, failure) => {
    expect(() => declineOf(error(status, code, headers), 'pay')).toThrow(
      expect.objectContaining({ failure }),
    );
  });

  it('does not hand on what it says in words', () => {
    const quoting = answer({ errorCode: '4242424242424242', message: 'card 4242424242424242' }, 422);
    expect(() => declineOf(quoting, 'pay')).toThrow(/^Adyen answered 422$/);
  });
});
