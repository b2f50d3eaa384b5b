import { describe, expect, it } from 'vitest';
import { BRANDS } from '../../../src/cards/brands.ts';
import { initialState } from '../../../src/capture/machine.ts';
import { rulesOf, type CaptureSpec } from '../../../src/capture/spec.ts';
import { specOf } from './driver.ts';

describe('rulesOf', () => {
  it('fills in every default', () => {
    expect(
      rulesOf(specOf(['card_number', { field: 'pin', required: false, maxAttempts: 1, minLength: 6 }])),
    ).toEqual({
      fields: [
        { field: 'card_number', required: true, maxAttempts: 3, minLength: 12, maxLength: 19 },
        { field: 'pin', required: false, maxAttempts: 1, minLength: 6, maxLength: 12 },
      ],
      autoAdvance: true,
      autoSubmit: false,
      acceptedBrands: BRANDS,
      interDigitTimeoutMs: 4000,
      overallTimeoutMs: 9000,
    });
  });

  it.each<[string, CaptureSpec]>([
    ['no field', specOf([])],
    ['a field twice', specOf(['expiry', 'expiry'])],
    ['an unknown field', specOf(['iban' as 'pin'])],
    ['no required field', specOf([{ field: 'expiry', required: false }])],
    ['no attempt', specOf([{ field: 'expiry', maxAttempts: 0 }])],
    ['too many attempts', specOf([{ field: 'expiry', maxAttempts: 11 }])],
    ['half an attempt', specOf([{ field: 'expiry', maxAttempts: 1.5 }])],
    ['a length of the expiry', specOf([{ field: 'expiry', minLength: 4 }])],
    ['a length of the card number', specOf([{ field: 'card_number', maxLength: 16 }])],
    ['a short PIN', specOf([{ field: 'pin', minLength: 3 }])],
    ['a long PIN', specOf([{ field: 'pin', maxLength: 13 }])],
    ['lengths the wrong way round', specOf([{ field: 'postal_code', minLength: 6, maxLength: 5 }])],
    ['no brand', specOf(['expiry'], { acceptedBrands: [] })],
    ['an unknown brand', specOf(['expiry'], { acceptedBrands: ['dankort' as 'visa'] })],
    ['an unknown brand of a stored card', specOf(['security_code'], { cardBrand: 'dankort' as 'visa' })],
    ['a stored card and one that is keyed', specOf(['card_number'], { cardBrand: 'visa' })],
    ['a short inter-digit time-out', specOf(['expiry'], { interDigitTimeoutMs: 499 })],
    ['a long inter-digit time-out', specOf(['expiry'], { interDigitTimeoutMs: 60_001 })],
    ['a short overall time-out', specOf(['expiry'], { overallTimeoutMs: 999 })],
    ['a long overall time-out', specOf(['expiry'], { overallTimeoutMs: 3_600_001 })],
    ['no time-out', specOf(['expiry'], { overallTimeoutMs: Number.NaN })],
  ])('refuses %s', (_, spec) => {
    const refusal = expect.objectContaining({ code: 'invalid_capture_spec', kind: 'invalid' }) as Error;
    expect(() => rulesOf(spec)).toThrow(refusal);
    expect(() => initialState(spec)).toThrow(refusal);
  });
});
