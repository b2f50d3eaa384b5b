import { HushtoneError } from '../../kernel/errors.ts';
import type { ProviderKind } from '../kind.ts';
import { CONFIGURATION_SCHEMA, modeOf, readConfiguration } from './configuration.ts';
import { StripeProvider } from './provider.ts';

/** Stripe. The key tells the mode. */
export const stripeKind: ProviderKind = {
  kind: 'stripe',
  configurationSchema: CONFIGURATION_SCHEMA,
  modeOf,
  connect(configuration, mode, dependencies) {
    const told = modeOf(configuration);
    if (told !== mode) {
      throw new HushtoneError(
        'provider_configuration',
        'invalid',
        `A ${mode} configuration needs a key of Stripe that begins with sk_${mode}_ or rk_${mode}_.`,
      );
    }
    return new StripeProvider(readConfiguration(configuration), mode, dependencies);
  },
};
