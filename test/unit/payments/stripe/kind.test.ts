import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { stripeKind } from '../../../../src/payments/stripe/kind.ts';

const DEPENDENCIES = { clock: systemClock, logger: silentLogger, timeoutMs: 1000 };

describe('stripeKind', () => {
  it.each([
    ['sk_test_4eC39HqLyjWDarjtT1zdp7dc', 'test'],
    ['rk_test_4eC39HqLyjWDarjtT1zdp7dc', 'test'],
    ['sk_live_4eC39HqLyjWDarjtT1zdp7dc', 'live'],
    ['rk_live_4eC39HqLyjWDarjtT1zdp7dc', 'live'],
    ['pk_test_TYooMQauvdEDq54NiTphI7jx', undefined],
    ['whsec_test', undefined],
  ])('tells the mode of %s', (secret_key, mode) => {
    expect(stripeKind.modeOf({ secret_key })).toBe(mode);
  });

  it('takes keys of an account and nothing else', () => {
    const ajv = new Ajv2020();
    addFormats.default(ajv);
    const takes = ajv.compile(stripeKind.configurationSchema);
    expect(takes({ secret_key: 'sk_test_4eC39HqLyjWDarjtT1zdp7dc' })).toBe(true);
    expect(takes({ secret_key: 'rk_live_4eC39HqLyjWDarjtT1zdp7dc', base_url: 'https://localhost:1' })).toBe(
      true,
    );
    for (const secret_key of ['pk_test_TYooMQauvdEDq54NiTphI7jx', 'sk_test_', 'sk_test_a b', '']) {
      expect(takes({ secret_key })).toBe(false);
    }
    expect(takes({})).toBe(false);
    expect(takes({ secret_key: 'sk_test_4eC39HqLyjWDarjtT1zdp7dc', base_url: 'http://localhost' })).toBe(
      false,
    );
    expect(takes({ secret_key: 'sk_test_4eC39HqLyjWDarjtT1zdp7dc', colour: 'red' })).toBe(false);
  });

  it.each([
    ['sk_live_4eC39HqLyjWDarjtT1zdp7dc', 'test'],
    ['sk_test_4eC39HqLyjWDarjtT1zdp7dc', 'live'],
  ] as const)('does not connect %s for %s', (secret_key, mode) => {
    const attempt = (): unknown => stripeKind.connect({ secret_key }, mode, DEPENDENCIES);
    expect(attempt).toThrow(expect.objectContaining({ code: 'provider_configuration' }) as Error);
    expect(attempt).not.toThrow(secret_key);
  });

  it('refuses a certificate authority that is none', () => {
    const configuration = { secret_key: 'sk_test_4eC39HqLyjWDarjtT1zdp7dc', ca: 'nobody' };
    expect(() => stripeKind.connect(configuration, 'test', DEPENDENCIES)).toThrow(
      expect.objectContaining({ code: 'provider_configuration' }) as Error,
    );
  });
});
