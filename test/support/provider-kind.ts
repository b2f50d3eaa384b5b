import type { CheckFinding, PaymentProvider, ProviderCapabilities } from '../../src/payments/contract.ts';
import type {
  Mode,
  ProviderConfiguration,
  ProviderDependencies,
  ProviderKind,
} from '../../src/payments/kind.ts';
import { HushtoneError } from '../../src/kernel/errors.ts';
import { ALL_CAPABILITIES } from './payment-provider.ts';

/** A provider that a test has connected: what it was connected with, and whether it was closed. */
export interface Connected extends PaymentProvider {
  readonly configuration: ProviderConfiguration;
  readonly mode: Mode;
  readonly closed: boolean;
  /** Held back until a test lets it go; payments are under way meanwhile. */
  hold(): { release(): void };
}

export interface TestKind extends ProviderKind {
  /** In the order in which they were connected. */
  readonly connected: Connected[];
}

const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['secret_key', 'merchant_account'],
  additionalProperties: false,
  properties: {
    secret_key: { type: 'string', pattern: '^sk_(test|live)_[A-Za-z0-9]{8,}$', writeOnly: true },
    merchant_account: { type: 'string', minLength: 1, maxLength: 80 },
    url: { type: 'string', format: 'uri', pattern: '^https://' },
    purposes: { type: 'array', items: { enum: ['charge', 'authorize', 'tokenize', 'charge_and_save'] } },
    pin: { type: 'boolean' },
    login: {
      type: 'object',
      required: ['username', 'password'],
      additionalProperties: false,
      properties: { username: { type: 'string' }, password: { type: 'string', writeOnly: true } },
    },
    headers: {
      type: 'array',
      maxItems: 5,
      items: {
        type: 'object',
        required: ['name', 'value'],
        additionalProperties: false,
        properties: { name: { type: 'string' }, value: { type: 'string', writeOnly: true } },
      },
    },
  },
} as const;

/**
 * A kind of provider that reaches nothing. Its configuration has secrets in every place that a schema can put them, and
 * its own rule: a merchant account `refused` does not connect.
 */
export function createTestKind(kind = 'scripted', findings: readonly CheckFinding[] = []): TestKind {
  const connected: Connected[] = [];
  return {
    kind,
    connected,
    configurationSchema: SCHEMA,
    modeOf: ({ secret_key: key }) =>
      typeof key !== 'string' ? undefined : key.startsWith('sk_live_') ? 'live' : 'test',
    connect(configuration: ProviderConfiguration, mode: Mode, _dependencies: ProviderDependencies) {
      if (configuration['merchant_account'] === 'refused') {
        throw new HushtoneError('provider_configuration', 'invalid', 'merchant_account is refused.');
      }
      let closed = false;
      let gate = Promise.resolve();
      const underWay = new Set<Promise<unknown>>();
      const provider: Connected = {
        configuration,
        mode,
        get closed() {
          return closed;
        },
        hold() {
          let release: () => void = () => undefined;
          gate = new Promise((resolve) => {
            release = resolve;
          });
          return { release };
        },
        name: kind,
        capabilities: {
          ...ALL_CAPABILITIES,
          purposes:
            (configuration['purposes'] as ProviderCapabilities['purposes'] | undefined) ??
            ALL_CAPABILITIES.purposes,
          pin: configuration['pin'] !== false,
        },
        pay(request) {
          if (closed) return Promise.reject(new Error('closed'));
          const reference = `${String(configuration['merchant_account'])}:${request.idempotencyKey}`;
          const answer = gate.then(() => ({ result: 'succeeded' as const, providerReference: reference }));
          underWay.add(answer);
          return answer;
        },
        modify: ({ providerReference }) =>
          Promise.resolve({ result: 'succeeded' as const, providerReference }),
        lookup: () => Promise.resolve(undefined),
        check: () => Promise.resolve(findings),
        async close() {
          await Promise.allSettled(underWay);
          closed = true;
        },
      };
      connected.push(provider);
      return provider;
    },
  };
}
