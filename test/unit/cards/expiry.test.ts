import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expiryDate, expiryFault } from '../../../src/cards/expiry.ts';
import { ascii } from './published.ts';

const fault = (mmyy: string, now: string): string | undefined => expiryFault(ascii(mmyy), new Date(now));

describe('expiryFault', () => {
  it.each(['0026', '1326', '9926', '0000'])('%s has no such month', (mmyy) => {
    expect(fault(mmyy, '2026-06-15T12:00:00Z')).toBe('month');
  });

  it.each<[string, string | undefined]>([
    ['0526', 'expired'],
    ['0626', undefined],
    ['0726', undefined],
    ['1225', 'expired'],
    ['0100', 'expired'],
    ['0646', undefined],
    ['0746', 'too_far_ahead'],
    ['0147', 'too_far_ahead'],
    ['1299', 'too_far_ahead'],
  ])('in June 2026 %s is %s', (mmyy, expected) => {
    expect(fault(mmyy, '2026-06-15T12:00:00Z')).toBe(expected);
  });

  it('is good through the last day of its month, in the last time zone', () => {
    expect(fault('0226', '2026-02-28T23:59:59.999Z')).toBeUndefined();
    expect(fault('0226', '2026-03-01T11:59:59.999Z')).toBeUndefined();
    expect(fault('0226', '2026-03-01T12:00:00.000Z')).toBe('expired');
    expect(fault('1226', '2027-01-01T11:59:59.999Z')).toBeUndefined();
    expect(fault('1226', '2027-01-01T12:00:00.000Z')).toBe('expired');
  });

  it('reads two digits as the next century at the end of one', () => {
    expect(fault('0103', '2099-12-15T00:00:00Z')).toBeUndefined();
    expect(fault('1198', '2099-12-15T00:00:00Z')).toBe('expired');
  });

  it('takes every month of the next twenty years and no other', () => {
    const months = fc.integer({ min: -24, max: 300 });
    const now = fc.date({ min: new Date('2020-01-01'), max: new Date('2090-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(now, months, (date, ahead) => {
        // The middle of the month, so that no time zone is in doubt.
        const middle = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 15));
        const expiry = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead, 15));
        const mmyy = expiry.toISOString().slice(5, 7) + expiry.toISOString().slice(2, 4);
        const expected = ahead < 0 ? 'expired' : ahead > 240 ? 'too_far_ahead' : undefined;
        expect(expiryFault(ascii(mmyy), middle)).toBe(expected);
      }),
    );
  });

  it.each(['', '062', '06260', '06a6'])('refuses "%s" as malformed', (text) => {
    expect(() => fault(text, '2026-06-15T12:00:00Z')).toThrow(
      expect.objectContaining({ code: 'expiry_malformed' }) as Error,
    );
  });

  it('refuses a time that is none', () => {
    expect(() => fault('0626', 'never')).toThrow(
      expect.objectContaining({ code: 'expiry_malformed' }) as Error,
    );
  });
});

describe('expiryDate', () => {
  it.each([
    ['0130', 1, 2030],
    ['1226', 12, 2026],
    ['0625', 6, 2025],
    ['0999', 9, 2099],
  ])('%s is month %i of %i', (mmyy, month, year) => {
    expect(expiryDate(ascii(mmyy), new Date('2026-06-15T12:00:00Z'))).toEqual({ month, year });
  });

  it.each(['', '123', '12345', '12/6', '１２２６'])('refuses "%s"', (text) => {
    expect(() => expiryDate(ascii(text), new Date())).toThrow(
      expect.objectContaining({ code: 'expiry_malformed' }),
    );
  });
});
