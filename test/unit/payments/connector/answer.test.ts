import { describe, expect, it } from 'vitest';
import { readConnectorAnswer } from '../../../../src/payments/connector/answer.ts';

const CHARGE = {
  purpose: 'charge',
  errorCodes: { nsf: 'insufficient_funds', '51': 'insufficient_funds' },
} as const;
const TOKENIZE = { ...CHARGE, purpose: 'tokenize' } as const;
const body = (answer: unknown): Buffer =>
  Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer));

describe('readConnectorAnswer', () => {
  it('reads what was charged', () => {
    const answer = { charge_id: 'ch_5', error_code: null, error_message: null, parameters: {} };
    expect(readConnectorAnswer(body(answer), CHARGE)).toEqual({
      result: 'succeeded',
      providerReference: 'ch_5',
    });
    expect(readConnectorAnswer(body({ charge_id: 4711 }), CHARGE)).toMatchObject({
      providerReference: '4711',
    });
  });

  it('reads what was kept', () => {
    expect(readConnectorAnswer(body({ token_id: 'tok_5', error_code: null }), TOKENIZE)).toEqual({
      result: 'succeeded',
      providerReference: 'tok_5',
      providerToken: 'tok_5',
    });
  });

  it.each([
    ['nsf', 'insufficient_funds', 'nsf'],
    [51, 'insufficient_funds', '51'],
    ['constructor', 'generic_decline', 'constructor'],
    ['something new', 'generic_decline', 'unreadable_code'],
    ['4242424242424242', 'generic_decline', 'unreadable_code'],
  ])('reads the code %s as %s', (errorCode, reason, rawCode) => {
    const answer = { charge_id: null, error_code: errorCode, error_message: 'no 4242424242424242' };
    expect(readConnectorAnswer(body(answer), CHARGE)).toEqual({ result: 'declined', reason, rawCode });
  });

  it.each([
    ['text', '<html>'],
    ['an array', []],
    ['nothing', {}],
    ['both a charge and an error', { charge_id: 'ch_5', error_code: 'nsf' }],
    ['an empty error', { charge_id: null, error_code: '' }],
    ['an error that is an object', { error_code: {} }],
    ['an error that is false', { error_code: false }],
    ['a charge with a space', { charge_id: 'a b' }],
    ['a charge without a name', { charge_id: '' }],
    ['the token of a charge', { token_id: 'tok_5' }],
  ])('finds no outcome in %s', (_what, answer) => {
    expect(readConnectorAnswer(body(answer), CHARGE)).toBeUndefined();
  });
});
