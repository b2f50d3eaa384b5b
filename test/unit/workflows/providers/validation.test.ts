import { describe, expect, test } from 'vitest';
import { checkConfiguration } from '../../../../src/workflows/providers/validation.ts';
import { createTestKind } from '../../../support/provider-kind.ts';

const KIND = createTestKind();
const TEST_KEY = 'sk_test_abcdefgh';
const GOOD = { secret_key: TEST_KEY, merchant_account: 'Shop' };

function refusal(configuration: Record<string, unknown>, mode: 'test' | 'live' = 'test'): unknown {
  try {
    checkConfiguration(KIND, mode, configuration);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a configuration', () => {
  test('that fits passes', () => {
    expect(refusal(GOOD)).toBeUndefined();
    expect(refusal({ ...GOOD, secret_key: 'sk_live_abcdefgh' }, 'live')).toBeUndefined();
  });

  test.each([
    [{ merchant_account: 'Shop' }, "configuration must have required property 'secret_key'."],
    [{ ...GOOD, secret_key: 'pk_test_abcdefgh' }, /^configuration\/secret_key must match pattern/],
    [{ ...GOOD, apikey: 'x' }, 'configuration must NOT have additional properties (apikey).'],
    [{ ...GOOD, url: 'http://example.com' }, /^configuration\/url must match pattern/],
    [{ ...GOOD, login: { username: 'u' } }, "configuration/login must have required property 'password'."],
    [{ ...GOOD, headers: [{ name: 'n', value: 7 }] }, 'configuration/headers/0/value must be string.'],
  ])('%o is refused by the name of its member', (configuration, message) => {
    expect(refusal(configuration)).toMatchObject({ code: 'provider_configuration', kind: 'invalid' });
    expect((refusal(configuration) as Error).message).toMatch(message);
  });

  test('tells every mistake at once', () => {
    const { message } = refusal({ secret_key: 7, pin: 'no' }) as Error;
    expect(message).toContain('merchant_account');
    expect(message).toContain('configuration/secret_key');
    expect(message).toContain('configuration/pin');
  });

  test('never tells a value, nor what stands where a name should be', () => {
    const { message } = refusal({
      secret_key: 'rk_verysecretvalue',
      sk_live_51HSecretInTheWrongPlaceaaaaaaaaaaaaaaa: true,
      '4242424242424242': 'x',
      merchant_account: 'x'.repeat(90),
    }) as Error;
    expect(message).not.toMatch(/verysecret|51HSecret|4242|xxx/);
  });

  test.each([
    ['live' as const, 'test' as const],
    ['test' as const, 'live' as const],
  ])('with a %s key is refused in the mode %s', (key, mode) => {
    expect(refusal({ ...GOOD, secret_key: `sk_${key}_abcdefgh` }, mode)).toMatchObject({
      code: 'wrong_mode',
      kind: 'invalid',
      message: `These are ${key} credentials, and the provider is configured for the mode ${mode}.`,
    });
  });
});
