import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../../simulators/doubles/faults.ts';
import { startStripeDouble, type StripeDouble } from '../../../simulators/doubles/stripe/double.ts';
import type { Purpose } from '../../../src/payments/contract.ts';
import { payAndSearch, randomCard } from '../../support/adapter-residue.ts';
import { makeTlsMaterial } from '../../support/tls-peers.ts';

const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc';

describe('a payment at Stripe leaves no digit in the memory of the process', () => {
  let double: StripeDouble;

  beforeAll(async () => {
    const { ca, server } = await makeTlsMaterial();
    double = await startStripeDouble({ tls: { ca, ...server }, secretKey: SECRET_KEY });
  });

  afterAll(() => double?.close());

  interface Ending {
    readonly ending: string;
    readonly outcome: object;
    readonly purpose?: Purpose;
    readonly faults?: readonly Fault[];
    readonly url?: string;
    readonly wrongCheckDigit?: true;
    readonly done: number;
  }

  it.each<Ending>([
    { ending: 'charged', outcome: { result: 'succeeded' }, done: 1 },
    { ending: 'kept', purpose: 'tokenize', outcome: { result: 'succeeded' }, done: 1 },
    {
      ending: 'lost after it was charged',
      outcome: { code: 'provider_unknown_outcome' },
      faults: [{ kind: 'lose_answer' }],
      done: 1,
    },
    {
      ending: 'refused',
      outcome: { code: 'provider_rate_limited' },
      faults: [{ kind: 'rate_limited', target: 'prepare' }],
      done: 0,
    },
    {
      ending: 'lost with the card',
      outcome: { code: 'provider_unavailable' },
      faults: [{ kind: 'drop', target: 'prepare' }],
      done: 0,
    },
    {
      ending: 'declined for its number',
      outcome: { result: 'declined', reason: 'incorrect_number' },
      wrongCheckDigit: true,
      done: 0,
    },
    // Port 1 of the loopback address: nothing listens there.
    {
      ending: 'not sent',
      outcome: { code: 'provider_unavailable' },
      url: 'https://127.0.0.1:1',
      done: 0,
    },
  ])('when the card was $ending, at once and after a collection', async (trial) => {
    const { purpose = 'charge', outcome, faults = [], url = double.url, done } = trial;
    await double.reset();
    await double.setFaults(faults);
    const card = randomCard();
    const cardNumber = trial.wrongCheckDigit ? withWrongCheckDigit(card.cardNumber) : card.cardNumber;
    const result = await payAndSearch({
      adapter: {
        module: new URL('../../../src/payments/stripe/kind.ts', import.meta.url).href,
        member: 'stripeKind',
        configuration: { secret_key: SECRET_KEY, base_url: url, ca: double.ca },
      },
      request: {
        purpose,
        idempotencyKey: 'att_residue',
        ...(purpose !== 'tokenize' && { amount: { value: 1250, currency: 'EUR' } }),
      },
      card: { ...card, cardNumber },
      contexts: [{ field: 'securityCode', before: 'card[cvc]=' }],
    });
    expect(result.outcome).toMatchObject(outcome);

    // That the card went through this process is shown by the double, which has it.
    expect(await double.ledger()).toMatchObject(
      Array.from({ length: done }, () => ({
        cardNumber: cardNumber.join(''),
        expiry: card.expiry.join(''),
        securityCode: card.securityCode.join(''),
      })),
    );
    expect(result.atOnce).toEqual([]);
    expect(result.afterCollection).toEqual([]);
  });
});

function withWrongCheckDigit(digits: readonly number[]): number[] {
  return [...digits.slice(0, -1), ((digits.at(-1) ?? 0) + 1) % 10];
}
