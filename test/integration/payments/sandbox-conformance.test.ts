import { afterAll, beforeAll } from 'vitest';
import type { LedgerEntry as DoubleEntry } from '../../../simulators/doubles/contract.ts';
import type { Fault } from '../../../simulators/sandbox-provider/faults.ts';
import type { LedgerEntry, ModificationEntry } from '../../../simulators/sandbox-provider/ledger.ts';
import { createSandboxProviderServer } from '../../../simulators/sandbox-provider/server.ts';
import { connectSandboxProvider } from '../../../src/payments/sandbox/provider.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import { describeConformance, type ConformanceDouble } from '../../support/provider-conformance.ts';
import { makeCertificates, PIN_KEY, type Certificates } from './sandbox.ts';

let certificates: Certificates;
let strangers: Certificates;

beforeAll(async () => {
  [certificates, strangers] = await Promise.all([makeCertificates(), makeCertificates()]);
});
afterAll(async () => {
  await Promise.all([certificates?.remove(), strangers?.remove()]);
});

async function startDouble(): Promise<ConformanceDouble> {
  const server = await createSandboxProviderServer({
    tls: certificates.server,
    adminToken: 'admin-token',
    pinKey: PIN_KEY,
  });
  const { url, admin } = server;
  return {
    url,
    async ledger() {
      const [payments, modifications] = [await admin.ledger(), await admin.modifications()];
      return [...payments.map(entryOfPayment), ...modifications.map(entryOfModification)];
    },
    requests: () => admin.requests(),
    setFaults: (faults) => admin.setFaults(faults as readonly Fault[]),
    reset: () => admin.reset(),
    close: () => server.close(),
  };
}

function entryOfPayment({ purpose, chargeId, ...entry }: LedgerEntry): DoubleEntry {
  return { ...entry, operation: purpose, providerReference: chargeId };
}

function entryOfModification({ modification, chargeId, ...entry }: ModificationEntry): DoubleEntry {
  return { ...entry, operation: modification, providerReference: chargeId };
}

describeConformance({
  name: 'sandbox',
  startDouble,
  connect(_double, { url, wrongCredentials, ...dependencies }) {
    const { client } = wrongCredentials ? strangers : certificates;
    return connectSandboxProvider({
      url,
      ca: certificates.client.ca,
      clientCert: client.clientCert,
      clientKey: client.clientKey,
      pinKey: new Secret(PIN_KEY),
      ...dependencies,
    });
  },
  capabilities: {
    purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
    modifications: ['capture', 'void', 'refund'],
    partialAmounts: true,
    storedCards: true,
    pin: true,
    recovery: 'lookup',
    absenceProvenAfterMs: 30_000,
  },
  secrets: [PIN_KEY],
  rawRequests: 'test/unit/simulators/sandbox-provider/payment-request.test.ts',
  declines: [
    { cardNumber: '4000000000000002', rawCode: 'generic_decline', reason: 'generic_decline' },
    { cardNumber: '4000000000009995', rawCode: 'insufficient_funds', reason: 'insufficient_funds' },
    { cardNumber: '4000000000009979', rawCode: 'stolen_card', reason: 'lost_or_stolen' },
    { cardNumber: '4000000000000069', rawCode: 'expired_card', reason: 'expired_card' },
    { cardNumber: '4000000000000127', rawCode: 'incorrect_cvc', reason: 'incorrect_security_code' },
    { cardNumber: '4000000000006975', rawCode: 'card_velocity_exceeded', reason: 'limit_exceeded' },
    { cardNumber: '4242424242424241', rawCode: 'incorrect_number', reason: 'incorrect_number' },
  ],
});
