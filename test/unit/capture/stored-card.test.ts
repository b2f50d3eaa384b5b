import { describe, expect, it } from 'vitest';
import { Driver, specOf } from './driver.ts';

describe('the security code of a stored card', () => {
  it.each([
    ['visa', '123', 3],
    ['amex', '1234', 4],
  ] as const)('of %s ends by itself at its length', (cardBrand, keys, digits) => {
    const driver = Driver.secured(specOf(['security_code'], { cardBrand }));
    driver.keys(keys.slice(0, -1));
    expect(driver.field('security_code')).toMatchObject({ status: 'collecting' });
    driver.keys(keys.slice(-1));
    expect(driver.field('security_code')).toMatchObject({ status: 'accepted', digits });
    expect(driver.view.status).toBe('ready');
  });

  it('of amex with three digits is too short', () => {
    const driver = Driver.secured(specOf(['security_code'], { cardBrand: 'amex' })).keys('123#');
    expect(driver.field('security_code')).toMatchObject({ status: 'rejected', reason: 'too_short' });
  });

  it('of a brand that is not known may have three or four', () => {
    for (const keys of ['123#', '1234']) {
      expect(
        Driver.secured(specOf(['security_code']))
          .keys(keys)
          .field('security_code'),
      ).toMatchObject({
        status: 'accepted',
      });
    }
  });
});
