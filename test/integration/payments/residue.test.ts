import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { needlesOf } from '../../../simulators/residue/needles.ts';
import { Search } from '../../../simulators/residue/search.ts';
import type { Fault } from '../../../simulators/sandbox-provider/faults.ts';
import {
  startSandboxProviderProcess,
  type SandboxProviderProcess,
} from '../../../simulators/sandbox-provider/process.ts';
import {
  payAndSearch,
  randomCard,
  randomDigits,
  startPayingProcess,
  type AdapterTrial,
  type PayingProcess,
} from '../../support/adapter-residue.ts';
import { makeCertificates, PIN_KEY, type Certificates } from './sandbox.ts';

describe('a payment leaves no digit in the memory of the process', () => {
  let certificates: Certificates;
  let provider: SandboxProviderProcess;

  beforeAll(async () => {
    certificates = await makeCertificates();
    const { provider: identity, ca } = certificates.files;
    provider = await startSandboxProviderProcess({
      tls: { certFile: identity.certificate, keyFile: identity.key, clientCaFile: ca.certificate },
      pinKey: PIN_KEY,
    });
  });

  afterAll(async () => {
    await provider?.stop();
    await certificates?.remove();
  });

  const adapter = (url = provider.url): AdapterTrial['adapter'] => {
    const { ca, clientCert, clientKey } = certificates.client;
    return {
      module: new URL('sandbox-adapter.ts', import.meta.url).href,
      member: 'connect',
      configuration: { url, ca, clientCert, clientKey: clientKey.reveal(), pinKey: PIN_KEY },
    };
  };

  interface Ending {
    readonly ending: string;
    readonly outcome: object;
    readonly faults?: readonly Fault[];
    readonly url?: string;
    readonly processed: boolean;
  }

  it.each<Ending>([
    { ending: 'answered', outcome: { result: 'declined', reason: 'incorrect_pin' }, processed: true },
    {
      ending: 'lost',
      outcome: { code: 'provider_unknown_outcome' },
      faults: [{ kind: 'lose_answer' }],
      processed: true,
    },
    {
      ending: 'refused',
      outcome: { code: 'provider_rate_limited' },
      faults: [{ kind: 'rate_limited' }],
      processed: false,
    },
    // Port 1 of the loopback address: nothing listens there.
    {
      ending: 'not sent',
      outcome: { code: 'provider_unavailable' },
      url: 'https://127.0.0.1:1',
      processed: false,
    },
  ])('when it was $ending, at once and after a collection', async ({ outcome, faults, url, processed }) => {
    await provider.admin.reset();
    await provider.admin.setFaults(faults ?? []);
    const card = { ...randomCard(), ...(url === undefined && { pin: randomDigits(12) }) };
    const result = await payAndSearch({
      adapter: adapter(url),
      request: { purpose: 'charge', idempotencyKey: 'residue-1', amount: { value: 1250, currency: 'EUR' } },
      card,
      contexts: [
        { field: 'securityCode', before: '"security_code":"' },
        { field: 'expiry', before: '"expiry":"' },
      ],
    });
    expect(result.outcome).toMatchObject(outcome);
    // That the number went through this process is shown by the provider, which has it.
    const ledger = await provider.admin.ledger();
    expect(ledger.map(({ cardNumber }) => cardNumber)).toEqual(processed ? [card.cardNumber.join('')] : []);
    expect(result.atOnce).toEqual([]);
    expect(result.afterCollection).toEqual([]);
  });

  describe('and the search finds', () => {
    let paying: PayingProcess;
    let search: Search;

    const hold = async (): Promise<void> => {
      paying = await startPayingProcess({ adapter: adapter() });
      const card = randomCard();
      paying.key(card);
      await paying.collect(); // answered after every digit before it
      search = new Search(needlesOf('number', card.cardNumber));
    };

    afterEach(async () => await paying.end());

    it('the digits while they are held, once', async () => {
      await hold();
      expect(paying.search(search)).toEqual([expect.stringMatching(/^number as ASCII, at 0x/)]);
    });

    it('a copy that is left behind after the payment', async () => {
      await hold();
      await paying.keepCopy();
      await paying.pay({ purpose: 'tokenize', idempotencyKey: 'residue-2' });
      expect(paying.search(search)).toEqual([expect.stringMatching(/^number as ASCII, at 0x/)]);
    });
  });
});
