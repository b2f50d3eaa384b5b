import { describe, expect, it } from 'vitest';
import { isExpired, parseCard } from '../../../../simulators/sandbox-provider/card.ts';

describe('parseCard', () => {
  it('reads every member', () => {
    expect(
      parseCard({
        card_number: '4012001037141112',
        expiry: '0139',
        security_code: '1234',
        postal_code: '94107',
        pin_block: '28B41FDDD29B743E93124BD8E32D921E',
      }),
    ).toEqual({
      cardNumber: '4012001037141112',
      expiry: '0139',
      securityCode: '1234',
      postalCode: '94107',
      pinBlock: '28B41FDDD29B743E93124BD8E32D921E',
    });
  });

  it.each([
    [{ card_number: '42424242' }, 'card_number is malformed'],
    [{ card_number: 4242424242424242 }, 'card_number is malformed'],
    [{ card_number: '4242424242424242', expiry: '1339' }, 'expiry is malformed'],
    [{ card_number: '4242424242424242', security_code: '12' }, 'security_code is malformed'],
    [{ card_number: '4242424242424242', pin_block: 'ab' }, 'pin_block is malformed'],
    [{ card_number: '4242424242424242', holder: 'x' }, 'the request has a member that is not known'],
    [{ expiry: '1239' }, 'card_number is missing'],
  ])('refuses %o', (plaintext, detail) => {
    expect(() => parseCard(plaintext)).toThrow(expect.objectContaining({ status: 400, message: detail }));
  });
});

describe('isExpired', () => {
  it('holds a card good until the end of its month', () => {
    expect(isExpired('0226', new Date('2026-02-28T23:59:59.999Z'))).toBe(false);
    expect(isExpired('0226', new Date('2026-03-01T00:00:00.000Z'))).toBe(true);
    expect(isExpired('1226', new Date('2026-12-31T23:59:59.999Z'))).toBe(false);
    expect(isExpired('1226', new Date('2027-01-01T00:00:00.000Z'))).toBe(true);
  });
});
