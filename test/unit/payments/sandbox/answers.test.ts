import { describe, expect, it } from 'vitest';
import {
  failureOf,
  readCapabilities,
  readOutcome,
  readProblemCode,
} from '../../../../src/payments/sandbox/answers.ts';

const ID = `chg_${'a'.repeat(26)}`;
const TOKEN = `tok_sandbox_${'b'.repeat(26)}`;
const answer = (body: unknown, status = 200) => ({
  status,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  headers: {},
});
const CHARGED = {
  id: ID,
  idempotency_key: 'att_1',
  purpose: 'charge',
  result: 'succeeded',
  authorization_code: 'A1B2C3',
};
const DECLINED = {
  id: ID,
  idempotency_key: 'att_1',
  purpose: 'charge',
  result: 'declined',
  decline_code: 'lost_card',
};
const expected = { idempotencyKey: 'att_1', operation: 'charge' } as const;

describe('readOutcome', () => {
  it('reads a charge, and passes over members that are not known', () => {
    expect(readOutcome(answer({ ...CHARGED, network: 'x' }), expected)).toEqual({
      result: 'succeeded',
      providerReference: ID,
      authorizationCode: 'A1B2C3',
    });
  });

  it('reads a token with and without a charge', () => {
    const saved = { ...CHARGED, purpose: 'charge_and_save', token: TOKEN };
    expect(readOutcome(answer(saved), { ...expected, operation: 'charge_and_save' })).toEqual({
      result: 'succeeded',
      providerReference: ID,
      authorizationCode: 'A1B2C3',
      providerToken: TOKEN,
    });
    const { authorization_code: _code, ...tokenized } = { ...saved, purpose: 'tokenize' };
    expect(readOutcome(answer(tokenized), { ...expected, operation: 'tokenize' })).toEqual({
      result: 'succeeded',
      providerReference: ID,
      providerToken: TOKEN,
    });
  });

  it.each([
    ['generic_decline', 'generic_decline'],
    ['insufficient_funds', 'insufficient_funds'],
    ['lost_card', 'lost_or_stolen'],
    ['stolen_card', 'lost_or_stolen'],
    ['expired_card', 'expired_card'],
    ['incorrect_cvc', 'incorrect_security_code'],
    ['incorrect_pin', 'incorrect_pin'],
    ['processing_error', 'processing_error'],
    ['incorrect_number', 'incorrect_number'],
    ['card_velocity_exceeded', 'limit_exceeded'],
    ['card_not_supported', 'card_not_supported'],
    ['currency_not_supported', 'currency_not_supported'],
    ['fraudulent', 'suspected_fraud'],
    ['call_issuer', 'call_issuer'],
    ['authentication_required', 'authentication_required'],
    ['something_new', 'generic_decline'],
    ['constructor', 'generic_decline'],
  ])('reads the decline %s as %s and keeps the raw code', (rawCode, reason) => {
    expect(readOutcome(answer({ ...DECLINED, decline_code: rawCode }), expected)).toEqual({
      result: 'declined',
      reason,
      rawCode,
      providerReference: ID,
    });
  });

  it('reads a modification, and takes no payment for one', () => {
    const modified = {
      id: `mod_sandbox_${'c'.repeat(26)}`,
      payment_id: ID,
      idempotency_key: 'att_1',
      modification: 'refund',
      result: 'succeeded',
    };
    const refund = { ...expected, operation: 'refund' } as const;
    expect(readOutcome(answer(modified), refund)).toEqual({
      result: 'succeeded',
      providerReference: modified.id,
    });
    const refused = { ...modified, result: 'declined', decline_code: 'amount_too_large' };
    expect(readOutcome(answer(refused), refund)).toMatchObject({
      result: 'declined',
      reason: 'not_modifiable',
      rawCode: 'amount_too_large',
    });
    expect(readOutcome(answer(modified), expected)).toBeUndefined();
    expect(readOutcome(answer(modified), { ...expected, operation: 'void' })).toBeUndefined();
    expect(readOutcome(answer(CHARGED), refund)).toBeUndefined();
    expect(readOutcome(answer({ ...modified, id: ID }), refund)).toBeUndefined();
    expect(readOutcome(answer({ ...modified, authorization_code: 'A1B2C3' }), refund)).toBeUndefined();
  });

  it.each([
    ['text', '<html>it works</html>'],
    ['nothing', ''],
    ['an array', []],
    ['null', 'null'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
    ['another key', { ...CHARGED, idempotency_key: 'att_2' }],
    ['another purpose', { ...CHARGED, purpose: 'authorize' }],
    ['an unknown result', { ...CHARGED, result: 'pending' }],
    ['no id', { ...CHARGED, id: undefined }],
    ['a card number for an id', { ...CHARGED, id: '4242424242424242' }],
    ['a charge without an authorisation', { ...CHARGED, authorization_code: undefined }],
    ['an authorisation that is too long', { ...CHARGED, authorization_code: '4242424242424242' }],
    ['a charge with a token', { ...CHARGED, token: TOKEN }],
    ['a charge with a decline code', { ...CHARGED, decline_code: 'lost_card' }],
    ['a decline without a code', { ...DECLINED, decline_code: undefined }],
    ['a decline with digits for a code', { ...DECLINED, decline_code: '4242424242424242' }],
    ['a decline with an authorisation', { ...DECLINED, authorization_code: 'A1B2C3' }],
  ])('finds no outcome in %s', (_what, body) => {
    expect(readOutcome(answer(body), expected)).toBeUndefined();
  });
});

describe('failureOf', () => {
  it.each([
    [400, 'invalid_card', 'invalid_request'],
    [400, 'unknown_key', 'unavailable'],
    [422, 'idempotency_key_reused', 'invalid_request'],
    [401, 'unauthorized', 'authentication'],
    [403, 'forbidden', 'authentication'],
    [429, 'rate_limited', 'rate_limited'],
    [503, 'not_processed', 'unavailable'],
    [503, 'maintenance', 'unknown_outcome'],
    [500, 'not_processed', 'unknown_outcome'],
    [502, '', 'unknown_outcome'],
    [409, 'in_flight', 'unknown_outcome'],
    [404, 'not_found', 'unknown_outcome'],
    [404, 'payment_not_found', 'invalid_request'],
    [302, '', 'unknown_outcome'],
    [201, '', 'unknown_outcome'],
  ])('reads %i %s as %s', (status, code, failure) => {
    expect(failureOf(answer({ code }, status))).toBe(failure);
  });

  it('believes no promise that it cannot read', () => {
    expect(failureOf(answer('not_processed', 503))).toBe('unknown_outcome');
    expect(readProblemCode(answer({ code: 5 }, 503))).toBeUndefined();
  });
});

describe('readCapabilities', () => {
  const TOLD = {
    purposes: ['refund', 'authorize', 'charge'],
    modifications: ['void', 'charge'],
    partial_amounts: true,
    stored_cards: false,
    pin: true,
    absence_proven_after_ms: 30_000,
  };

  it('keeps the purposes and the modifications that are known', () => {
    expect(readCapabilities(answer(TOLD))).toEqual({
      purposes: ['charge', 'authorize'],
      modifications: ['void'],
      partialAmounts: true,
      storedCards: false,
      pin: true,
      recovery: 'lookup',
      absenceProvenAfterMs: 30_000,
    });
  });

  it.each([
    ['an array', []],
    ['nothing', {}],
    ['purposes that are a text', { ...TOLD, purposes: 'charge' }],
    ['no modifications', { ...TOLD, modifications: undefined }],
    ['a PIN that is a text', { ...TOLD, pin: 'yes' }],
    ['no word on partial amounts', { ...TOLD, partial_amounts: undefined }],
    ['no word on stored cards', { ...TOLD, stored_cards: undefined }],
    ['a promise of the past', { ...TOLD, absence_proven_after_ms: -1 }],
    ['a promise of parts', { ...TOLD, absence_proven_after_ms: 0.5 }],
    ['a promise of more than a day', { ...TOLD, absence_proven_after_ms: 86_400_001 }],
  ])('reads nothing from %s', (_what, body) => {
    expect(readCapabilities(answer(body))).toBeUndefined();
  });
});
