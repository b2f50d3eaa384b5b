import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BASE_PATH, startAdyenDouble, type AdyenDouble } from '../../../simulators/doubles/adyen/double.ts';
import type { Fault } from '../../../simulators/doubles/faults.ts';
import { payAndSearch, randomCard } from '../../support/adapter-residue.ts';
import { makeTlsMaterial } from '../../support/tls-peers.ts';

const API_KEY = 'AQEthmfxKo3MaxZDw0m-residue';
const MERCHANT_ACCOUNT = 'HushtoneTelephone';

describe('a payment through adyen leaves no digit in the memory of the process', () => {
  let double: AdyenDouble;

  beforeAll(async () => {
    const { ca, server } = await makeTlsMaterial();
    double = await startAdyenDouble({
      tls: { ca, ...server },
      apiKey: API_KEY,
      merchantAccount: MERCHANT_ACCOUNT,
    });
  });
  afterEach(() => double.reset());
  afterAll(() => double?.close());

  it.each<{
    ending: string;
    purpose: 'charge' | 'charge_and_save' | 'tokenize';
    outcome: object;
    faults: readonly Fault[];
    entries: number;
  }>([
    { ending: 'answered', purpose: 'charge', outcome: { result: 'succeeded' }, faults: [], entries: 1 },
    {
      ending: 'answered, the card kept',
      purpose: 'tokenize',
      outcome: { result: 'succeeded' },
      faults: [],
      entries: 1,
    },
    {
      ending: 'lost',
      purpose: 'charge_and_save',
      outcome: { code: 'provider_unknown_outcome' },
      faults: [{ kind: 'lose_answer' }],
      entries: 1,
    },
    {
      ending: 'refused',
      purpose: 'charge',
      outcome: { code: 'provider_rate_limited' },
      faults: [{ kind: 'rate_limited' }],
      entries: 0,
    },
  ])('when it was $ending', async ({ purpose, outcome, faults, entries }) => {
    await double.setFaults(faults);
    const card = randomCard();
    const result = await payAndSearch({
      adapter: {
        module: new URL('../../../src/payments/adyen/kind.ts', import.meta.url).href,
        member: 'adyenKind',
        configuration: {
          api_key: API_KEY,
          merchant_account: MERCHANT_ACCOUNT,
          encryption_key: double.encryptionKey,
          return_url: 'https://merchant.example/telephone',
          base_url: `${double.url}${BASE_PATH}`,
          ca: double.ca,
        },
      },
      request: {
        purpose,
        idempotencyKey: 'residue-adyen',
        customerReference: 'customer-7',
        ...(purpose !== 'tokenize' && { amount: { value: 1250, currency: 'EUR' } }),
      },
      card,
      contexts: [{ field: 'securityCode', before: '"cvc":"' }],
    });
    expect(result.outcome).toMatchObject(outcome);
    // That the digits went through that process is shown by the double, which has them.
    const digits = {
      cardNumber: card.cardNumber.join(''),
      expiry: card.expiry.join(''),
      securityCode: card.securityCode.join(''),
    };
    expect(await double.ledger()).toMatchObject(Array.from({ length: entries }, () => digits));
    expect(result.atOnce).toEqual([]);
    expect(result.afterCollection).toEqual([]);
  });
});
