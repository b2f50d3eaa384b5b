import { describe, expect, it } from 'vitest';
import type { Purpose } from '../../../src/payments/contract.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { AMOUNT, REFUSED, secretCard, type Bench, type KeyedRequest } from './bench.ts';
import type { ConformanceDouble, ConformanceSubject } from './subject.ts';

const PURPOSES: readonly Purpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];
const SAVING: readonly Purpose[] = ['tokenize', 'charge_and_save'];

export function describePayments<D extends ConformanceDouble>(
  subject: ConformanceSubject<D>,
  bench: () => Bench<D>,
): void {
  const { purposes, storedCards, pin: takesPins, recovery } = subject.capabilities;

  it('claims what its subject states, no more and no less', async () => {
    expect((await bench().connect()).capabilities).toEqual(subject.capabilities);
  });

  it.each(purposes)('takes a card for the purpose %s, once and digit by digit', async (purpose) => {
    const provider = await bench().connect();
    const request = bench().request(purpose);
    const outcome = await provider.pay(request);
    const { cardNumber, expiry, securityCode } = bench().card();
    expect(outcome).toMatchObject({ result: 'succeeded' });
    expect(outcome.providerReference).toMatch(/\S/);
    expect(await bench().double.ledger()).toMatchObject([
      {
        idempotencyKey: request.idempotencyKey,
        operation: purpose,
        result: 'succeeded',
        cardNumber,
        expiry,
        securityCode,
        ...(purpose !== 'tokenize' && { amount: AMOUNT.value, currency: AMOUNT.currency }),
      },
    ]);
    const saves = purpose === 'tokenize' || purpose === 'charge_and_save';
    expect('providerToken' in outcome).toBe(saves);
  });

  it.each(PURPOSES.filter((purpose) => !purposes.includes(purpose)))(
    'refuses the purpose %s, which it does not claim, and sends nothing',
    async (purpose) => {
      const provider = await bench().connect();
      expect(await bench().unclaimed(() => provider.pay(bench().request(purpose)))).toEqual(REFUSED);
    },
  );

  it('takes a card without a security code, expiry kept', async () => {
    const provider = await bench().connect();
    const { card, ...request } = bench().request(bench().purpose);
    const { securityCode: _securityCode, ...withoutCode } = card;
    await provider.pay({ ...request, card: withoutCode });
    const [entry] = await bench().double.ledger();
    expect(entry).toMatchObject({ cardNumber: bench().card().cardNumber, expiry: '1239' });
    expect(entry?.securityCode).toBeUndefined();
  });

  it.each(purposes.filter((purpose) => purpose === 'charge'))(
    'sends the amount of a %s as it is, whatever the currency',
    async (purpose) => {
      const provider = await bench().connect();
      const amounts = [
        { value: 1, currency: 'GBP' },
        { value: 990, currency: 'USD' },
        { value: 100_000, currency: 'USD' },
        { value: 500, currency: 'JPY' },
        { value: 12_340, currency: 'KWD' },
        // Whose decimals providers count otherwise than ISO 4217.
        { value: 1_250, currency: 'CLP' },
        { value: 15_000_000, currency: 'IDR' },
        { value: 990, currency: 'ISK' },
      ];
      for (const amount of amounts) await provider.pay(bench().request(purpose, { amount }));
      const entries = await bench().double.ledger();
      expect(entries.map(({ amount, currency }) => ({ value: amount, currency }))).toEqual(amounts);
    },
  );

  it.each(subject.declines.map((decline) => ({ ...decline, name: `${decline.rawCode}: ${decline.reason}` })))(
    'tells a decline by its reason and the provider’s own code, $name',
    async ({ cardNumber, securityCode, expiry, reason, rawCode }) => {
      const provider = await bench().connect();
      const text = { cardNumber, ...(securityCode && { securityCode }), ...(expiry && { expiry }) };
      const request = bench().request(bench().purpose, { text });
      const outcome = await provider.pay(request);
      expect(outcome).toMatchObject({ result: 'declined', reason, rawCode });
      expect(await bench().ledgerOf(request.idempotencyKey)).toMatchObject([
        { result: 'declined', cardNumber },
      ]);
      // Asked again, it is the same.
      const again = recovery === 'lookup' ? provider.lookup(bench().queryOf(request)) : provider.pay(request);
      expect(await again).toMatchObject({ result: 'declined', reason, rawCode });
      expect(await bench().double.ledger()).toHaveLength(1);
    },
  );

  describe('a card that the provider keeps', () => {
    const saving = async (purpose: Purpose): Promise<string> => {
      const provider = await bench().connect();
      const outcome = await provider.pay(bench().request(purpose));
      if (outcome.result !== 'succeeded' || outcome.providerToken === undefined) {
        throw new Error('no token came of it');
      }
      return outcome.providerToken;
    };

    it.each(purposes.filter((purpose) => storedCards && SAVING.includes(purpose)))(
      'after %s it is charged again, by the cardholder and by the merchant',
      async (purpose) => {
        const provider = await bench().connect();
        const providerToken = await saving(purpose);
        for (const initiatedBy of ['cardholder', 'merchant'] as const) {
          const { card: _card, ...request } = bench().request('charge', { initiatedBy });
          const again = { ...request, stored: { providerToken } };
          expect(await provider.pay(again)).toMatchObject({ result: 'succeeded' });
          expect(await bench().ledgerOf(request.idempotencyKey)).toMatchObject([
            { operation: 'charge', result: 'succeeded', amount: AMOUNT.value },
          ]);
        }
      },
    );

    it.each(storedCards ? [] : (['charge', 'authorize'] as const))(
      'is refused for the purpose %s where the provider claims to keep none, and nothing is sent',
      async (purpose) => {
        const provider = await bench().connect();
        const { card: _card, ...request } = bench().request(purpose);
        const again = { ...request, stored: { providerToken: 'tok_none' } };
        expect(await bench().unclaimed(() => provider.pay(again))).toEqual(REFUSED);
      },
    );

    it('is not kept once more', async () => {
      const provider = await bench().connect();
      for (const purpose of SAVING) {
        const { card: _card, ...request } = bench().request(purpose);
        const again = { ...request, stored: { providerToken: 'tok_none' } };
        expect(await bench().unclaimed(() => provider.pay(again))).toEqual(REFUSED);
      }
    });
  });

  it('refuses what is malformed before anything is sent', async () => {
    const provider = await bench().connect();
    const { purpose } = bench();
    const sentBefore = (await bench().double.requests()).filter(({ target }) => target === 'pay').length;
    const { amount: _amount, ...withoutAmount } = bench().request('charge');
    const broken = [
      withoutAmount,
      { ...bench().request('tokenize'), amount: AMOUNT },
      { ...bench().request(purpose), idempotencyKey: '' },
      { ...bench().request(purpose), idempotencyKey: 'a'.repeat(65) },
      { ...bench().request(purpose), idempotencyKey: 'a key\r\nx: y' },
      bench().request('charge', { amount: { value: 0, currency: 'EUR' } }),
      bench().request('charge', { amount: { value: 12.5, currency: 'EUR' } }),
      bench().request('charge', { amount: { value: 100, currency: 'eur' } }),
      { ...bench().request(purpose), card: { ...bench().request(purpose).card, cardNumber: wiped() } },
    ];
    for (const request of broken) {
      expect(await bench().failure(provider.pay(request as never))).toBe('invalid_request');
    }
    const seen = (await bench().double.requests()).filter(({ target }) => target === 'pay');
    expect(seen).toHaveLength(sentBefore);
    expect(await bench().double.ledger()).toEqual([]);
  });

  const withPin = (purpose: Purpose): KeyedRequest => {
    const request = bench().request(purpose);
    const pin = secretCard(bench().card({ securityCode: '1234' })).securityCode;
    return { ...request, card: { ...request.card, ...(pin !== undefined && { pin }) } };
  };

  it.each(takesPins ? purposes : [])('takes a PIN with a card for the purpose %s', async (purpose) => {
    const provider = await bench().connect();
    const request = withPin(purpose);
    expect(await provider.pay(request)).toMatchObject({ result: 'succeeded' });
    expect(await bench().ledgerOf(request.idempotencyKey)).toHaveLength(1);
  });

  it.each(takesPins ? [] : purposes)(
    'refuses a PIN, which it does not claim to take, for the purpose %s, and sends nothing',
    async (purpose) => {
      const provider = await bench().connect();
      expect(await bench().unclaimed(() => provider.pay(withPin(purpose)))).toEqual(REFUSED);
    },
  );
}

function wiped(): SecretBuffer {
  const number = new SecretBuffer(19);
  number.wipe();
  return number;
}
