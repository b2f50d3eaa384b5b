import { describe, expect, test } from 'vitest';
import { checkSettlement, type HandSettlement } from '../../../../src/workflows/payments/hand-settlement.ts';

const SUCCESS: HandSettlement = {
  outcome: 'succeeded',
  providerReference: '8815658961765250',
  authorizationCode: 'A1B2C3',
  reason: 'Seen in the Customer Area on 2026-06-15, order 4711.',
};

function codeOf(change: Partial<HandSettlement>, from = SUCCESS): string | undefined {
  try {
    checkSettlement({ ...from, ...change });
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe('what an operator says of an attempt', () => {
  test('may hold the names that a provider gives, long numbers among them', () => {
    expect(codeOf({})).toBeUndefined();
    expect(codeOf({ providerReference: 'pi_3Nabc' })).toBeUndefined();
    expect(codeOf({ outcome: 'declined' }, { outcome: 'declined', reason: 'refused there' })).toBeUndefined();
    expect(codeOf({}, { outcome: 'never_arrived', reason: 'not in their list' })).toBeUndefined();
  });

  test.each<[string, Partial<HandSettlement>, HandSettlement?]>([
    ['no reason', { reason: ' ' }],
    ['a reason without an end', { reason: 'x'.repeat(501) }],
    ['a success that the provider has no name for', {}, { outcome: 'succeeded', reason: 'seen' }],
    ['a name of what never arrived', { outcome: 'never_arrived' }, { ...SUCCESS, reason: 'gone' }],
    ['an authorization code of a refusal', { outcome: 'declined' }],
    ['a reference of several words', { providerReference: 'pi 3' }],
    ['a code with a long number', { authorizationCode: '123456789012' }],
  ])('is refused with %s', (_name, change, from) => {
    expect(codeOf(change, from)).toBe('settlement_invalid');
  });

  test.each<[string, Partial<HandSettlement>]>([
    ['the reason', { reason: 'card 4242424242424242' }],
    ['the reason, in groups', { reason: 'card 4242 4242 4242 4242 of the caller' }],
    ['the reason, with its date behind', { reason: '4242-4242-4242-4242 1229' }],
    ['the reason, and nothing else', { reason: '378282246310005' }],
    ['the reference', { providerReference: '4242424242424242' }],
    ['the reference, in groups', { providerReference: '4242-4242-4242-4242' }],
  ])('is refused with a card number in %s, and the number is not quoted', (_name, change) => {
    expect(codeOf(change)).toBe('settlement_like_card');
    expect(() => checkSettlement({ ...SUCCESS, ...change })).toThrow(/leave them out/);
  });

  test('is refused with as many digits as no record holds', () => {
    expect(codeOf({ reason: 'ticket 123456789012' })).toBe('settlement_like_card');
  });
});
