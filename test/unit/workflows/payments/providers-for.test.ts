import { describe, expect, test } from 'vitest';
import type { PaymentProvider, ProviderCapabilities } from '../../../../src/payments/contract.ts';
import { providersFor } from '../../../../src/workflows/payments/providers-for.ts';
import { singleProvider } from '../../../../src/workflows/providers/single-provider.ts';
import { ALL_CAPABILITIES, QUIET_PROVIDER } from '../../../support/payment-provider.ts';

function providerThat(capabilities: Partial<ProviderCapabilities>): PaymentProvider {
  return {
    name: 'sandbox',
    capabilities: { ...ALL_CAPABILITIES, ...capabilities },
    ...QUIET_PROVIDER,
    pay: () => Promise.reject(new Error('nobody pays here')),
    lookup: () => Promise.resolve(undefined),
  };
}

const QUESTION = { mode: 'test', purpose: 'charge' } as const;

describe('the providers for a payment', () => {
  test('are those of the directory', async () => {
    const provider = providerThat({});
    expect(await providersFor(singleProvider(provider), 'acc', { ...QUESTION, pin: true })).toEqual([
      { id: 'default', kind: 'sandbox', mode: 'test', provider },
    ]);
  });

  test.each([
    ['there is none', undefined, {}],
    ['it is of the other mode', {}, { mode: 'live' }],
  ] as const)('when %s', async (_name, capabilities, change) => {
    const directory = singleProvider(capabilities && providerThat(capabilities));
    await expect(providersFor(directory, 'acc', { ...QUESTION, ...change })).rejects.toMatchObject({
      code: 'provider_not_configured',
      kind: 'unavailable',
    });
  });

  test('when it does not offer the purpose', async () => {
    const directory = singleProvider(providerThat({ purposes: ['tokenize'] }));
    await expect(providersFor(directory, 'acc', QUESTION)).rejects.toMatchObject({
      code: 'purpose_not_supported',
      kind: 'invalid',
    });
  });

  test('when it takes no PIN', async () => {
    const directory = singleProvider(providerThat({ pin: false }));
    await expect(providersFor(directory, 'acc', { ...QUESTION, pin: true })).rejects.toMatchObject({
      code: 'pin_not_supported',
    });
    expect(await providersFor(directory, 'acc', QUESTION)).toHaveLength(1);
  });
});
