import { describe, expect, it } from 'vitest';
import type { CardToken } from '../../../../src/vault/tokens/card-token-store.ts';
import {
  changedCardToken,
  expiryBytes,
  LONGEST_RETENTION_DAYS,
} from '../../../../src/workflows/tokens/changes.ts';

const NOW = new Date('2026-06-15T12:00:00.000Z');
const TOKEN: CardToken = {
  id: 'tok_card_5m2kqa9m4rvx3t8npwzc6edy5b',
  accountId: 'acme',
  mode: 'test',
  lookAlike: null,
  customerReference: 'customer-7',
  brand: 'visa',
  last4: '4242',
  bin: '424242',
  expiryMonth: 8,
  expiryYear: 2026,
  fingerprintId: 'fp_7h2kqa9m4rvx3t8npwzc6edy5b',
  captureId: null,
  createdAt: new Date('2026-01-01T00:00:00.000Z'),
  updatedAt: new Date('2026-01-01T00:00:00.000Z'),
  expiresAt: null,
  deletedAt: null,
  deletedReason: null,
};

describe('changedCardToken', () => {
  it('changes what is named and leaves the rest', () => {
    expect(changedCardToken(TOKEN, { expiry: { month: 11, year: 2030 } }, NOW)).toEqual({
      ...TOKEN,
      expiryMonth: 11,
      expiryYear: 2030,
      updatedAt: NOW,
    });
    expect(changedCardToken(TOKEN, { customer_reference: 'customer-8' }, NOW)).toEqual({
      ...TOKEN,
      customerReference: 'customer-8',
      updatedAt: NOW,
    });
    expect(changedCardToken(TOKEN, { customer_reference: null }, NOW).customerReference).toBeNull();
    expect(changedCardToken(TOKEN, { expires_at: '2026-12-31T00:00:00Z' }, NOW).expiresAt).toEqual(
      new Date('2026-12-31T00:00:00Z'),
    );
  });

  it.each([
    [{ month: 5, year: 2026 }, /over/],
    [{ month: 12, year: 2000 }, /over/],
    [{ month: 7, year: 2046 }, /No card/],
    [{ month: 1, year: 2099 }, /No card/],
  ])('refuses the expiry date %o', (expiry, message) => {
    const change = (): unknown => changedCardToken(TOKEN, { expiry }, NOW);
    expect(change).toThrow(expect.objectContaining({ code: 'expiry_invalid', kind: 'invalid' }));
    expect(change).toThrow(message);
  });

  it('takes a card that is good through this month', () => {
    expect(changedCardToken(TOKEN, { expiry: { month: 6, year: 2026 } }, NOW).expiryMonth).toBe(6);
  });

  it.each(['4242424242424242', 'order4242424242424242', '424242424242'])(
    'refuses %s as a customer’s reference',
    (reference) => {
      expect(() => changedCardToken(TOKEN, { customer_reference: reference }, NOW)).toThrow(
        expect.objectContaining({ code: 'customer_reference_like_card' }),
      );
    },
  );

  it.each([
    ['2026-06-15T12:00:00.000Z', 'expires_at_invalid'],
    ['2020-01-01T00:00:00Z', 'expires_at_invalid'],
    ['2026-06-30T23:59:60Z', 'time_invalid'],
  ])('refuses to keep a card until %s', (expiresAt, code) => {
    expect(() => changedCardToken(TOKEN, { expires_at: expiresAt }, NOW)).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('keeps no card longer than the installation does', () => {
    const inDays = (days: number): string =>
      new Date(NOW.getTime() + days * 24 * 60 * 60 * 1000).toISOString();
    expect(changedCardToken(TOKEN, { expires_at: inDays(30) }, NOW, 30).expiresAt).not.toBeNull();
    expect(() => changedCardToken(TOKEN, { expires_at: inDays(31) }, NOW, 30)).toThrow(/30 days/);
    const most = inDays(LONGEST_RETENTION_DAYS);
    expect(changedCardToken(TOKEN, { expires_at: most }, NOW).expiresAt).toEqual(new Date(most));
    expect(() => changedCardToken(TOKEN, { expires_at: inDays(LONGEST_RETENTION_DAYS + 1) }, NOW)).toThrow(
      /7300 days/,
    );
  });
});

describe('expiryBytes', () => {
  it.each([
    [{ month: 1, year: 2030 }, '0130'],
    [{ month: 12, year: 2009 }, '1209'],
  ])('of %o are %s', (expiry, expected) => {
    expect(Buffer.from(expiryBytes(expiry)).toString()).toBe(expected);
  });
});
