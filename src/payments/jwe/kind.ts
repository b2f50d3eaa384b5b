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
    return new JweProvider(readConfiguration(configuration), dependencies);
  },
};
