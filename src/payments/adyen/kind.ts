import { HushtoneError } from '../../kernel/errors.ts';
import type { ProviderKind } from '../kind.ts';
import { CONFIGURATION_SCHEMA, modeOf, readConfiguration } from './configuration.ts';
import { AdyenProvider } from './provider.ts';

/** Adyen Checkout. The address tells the mode: a configuration with `live_prefix` is a live one. */
export const adyenKind: ProviderKind = {
  kind: 'adyen',
  configurationSchema: CONFIGURATION_SCHEMA,
  modeOf,
  connect(configuration, mode, dependencies) {
    const told = modeOf(configuration);
    if (told !== undefined && told !== mode) {
      throw new HushtoneError(
        'provider_configuration',
        'invalid',
        told === 'test'
          ? 'this is the test endpoint of Adyen: a live configuration has a live_prefix'
          : 'this is a live endpoint of Adyen: a test configuration has no live_prefix',
      );
    }
    return new AdyenProvider(readConfiguration(configuration), dependencies);
  },
};
