import { HushtoneError } from '../../kernel/errors.ts';
import type { ProviderKind } from '../kind.ts';
import { readConfiguration } from './configuration.ts';
import { JweProvider } from './provider.ts';
import { CONFIGURATION_SCHEMA } from './schema.ts';

/** Whole requests as JWE over mutual TLS. No name in the configuration tells a test system from a live one. */
export const jweKind: ProviderKind = {
  kind: 'jwe',
  configurationSchema: CONFIGURATION_SCHEMA,
  modeOf: () => undefined,
  connect(configuration, _mode, dependencies) {
    const read = readConfiguration(configuration);
    try {
      return new JweProvider(read, dependencies);
    } catch (error) {
      if (error instanceof HushtoneError) throw error;
      // Node tells what is wrong with a PEM in words of its own: they stay underneath.
      throw new HushtoneError(
        'provider_configuration',
        'invalid',
        'a certificate or the key of the client cannot be used',
        { cause: error },
      );
    }
  },
};
