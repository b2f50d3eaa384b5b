import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintMessage } from '../../../../src/vault/tokens/fingerprint.ts';
import { digitsOf, secretDigits } from '../../../support/vault-cards.ts';

const context = fc.record({
  accountId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  mode: fc.constantFrom('test' as const, 'live' as const),
});
const number = fc.stringMatching(/^[0-9]{12,19}$/);

function messageOf(of: { accountId: string; mode: 'test' | 'live' }, digits: string): string {
  using secret = secretDigits(digits);
  using message = fingerprintMessage(of, secret);
  return digitsOf(message);
}

describe('fingerprintMessage', () => {
  it('is the whole number in the place where it belongs', () => {
    expect(messageOf({ accountId: 'acme', mode: 'live' }, '4242424242424242')).toBe(
      'hushtone card fingerprint v1\0acme\0live\x004242424242424242',
    );
  });

  it('is another one for another account, mode or number', () => {
    fc.assert(
      fc.property(context, number, context, number, (one, first, other, second) => {
        const same = one.accountId === other.accountId && one.mode === other.mode && first === second;
        expect(messageOf(one, first) === messageOf(other, second)).toBe(same);
      }),
    );
  });
});
