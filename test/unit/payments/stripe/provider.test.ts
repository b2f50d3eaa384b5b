import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startStripeDouble, type StripeDouble } from '../../../../simulators/doubles/stripe/double.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { createLogger } from '../../../../src/kernel/logger.ts';
import type {
  CardDetails,
  LookupQuery,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
} from '../../../../src/payments/contract.ts';
import { stripeKind } from '../../../../src/payments/stripe/kind.ts';
import { makeTlsMaterial } from '../../../support/tls-peers.ts';
import { secretDigits } from '../secret-digits.ts';

const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc';
const AMOUNT = { value: 1250, currency: 'EUR' };

describe('Stripe', () => {
  let double: StripeDouble;
  let provider: PaymentProvider;
  const log: string[] = [];
  let keys = 0;

  beforeAll(async () => {
    const { ca, server } = await makeTlsMaterial();
    double = await startStripeDouble({ tls: { ca, ...server }, secretKey: SECRET_KEY });
    provider = stripeKind.connect({ secret_key: SECRET_KEY, base_url: double.url, ca }, 'test', {
      clock: systemClock,
      logger: createLogger('debug', { write: (line) => void log.push(line) }),
      timeoutMs: 30_000,
    });
  });
  afterEach(async () => {
    log.length = 0;
    await double.reset();
  });
  afterAll(async () => {
    await provider?.close();
    await double?.close();
  });

  const card = (changes: Partial<Record<keyof CardDetails, string>> = {}): CardDetails => {
    const { cardNumber = '4242424242424242', expiry = '1239', securityCode = '123', postalCode } = changes;
    return {
      cardNumber: secretDigits(cardNumber),
      expiry: secretDigits(expiry),
      securityCode: secretDigits(securityCode),
      ...(postalCode !== undefined && { postalCode: secretDigits(postalCode) }),
    };
  };

  type Changes = Partial<Omit<PaymentRequest, 'card' | 'stored'>>;
  const keyed = (changes: Changes = {}, details = card()): PaymentRequest => ({
    purpose: 'charge',
    idempotencyKey: `att_${(keys += 1)}`,
    ...(changes.purpose !== 'tokenize' && { amount: AMOUNT }),
    card: details,
    ...changes,
  });
  const stored = (providerToken: string, changes: Changes = {}, securityCode?: string): PaymentRequest => {
    const { card: _card, ...rest } = keyed(changes);
    const code = securityCode === undefined ? {} : { securityCode: secretDigits(securityCode) };
    return { ...rest, stored: { providerToken, ...code } };
  };
  const queryOf = (request: PaymentRequest): LookupQuery => ({
    idempotencyKey: request.idempotencyKey,
    operation: request.purpose,
    ...(request.amount !== undefined && { amount: request.amount }),
    since: new Date(),
  });
  const tokenOf = (outcome: PaymentOutcome): string => {
    if (outcome.result !== 'succeeded' || outcome.providerToken === undefined) throw new Error('no token');
    return outcome.providerToken;
  };
  const targets = async (): Promise<string[]> =>
    (await double.requests()).map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`);

  it('is a telephone order, and nobody is sent to a page', async () => {
    await provider.pay(keyed({ reference: 'Order 7 & more' }));
    expect(double.intents()).toMatchObject([
      { moto: true, offSession: false, description: 'Order 7 & more', captureMethod: 'automatic' },
    ]);
    expect(await targets()).toEqual(['POST /v1/payment_methods', 'POST /v1/payment_intents']);
  });

  it('takes a card that would want its holder’s confirmation on a page', async () => {
    expect(await provider.pay(keyed({}, card({ cardNumber: '4000002760003184' })))).toMatchObject({
      result: 'succeeded',
    });
  });

  it('tells the authorization code, and finds it again', async () => {
    const request = keyed();
    const outcome = await provider.pay(request);
    expect(outcome).toHaveProperty('authorizationCode', expect.stringMatching(/^\d{6}$/));
    expect(await provider.lookup(queryOf(request))).toEqual(outcome);
  });

  it('sends a postal code that was keyed', async () => {
    await provider.pay(keyed({}, card({ postalCode: '94107' })));
    expect(await double.ledger()).toHaveLength(1);
  });

  it.each([
    ['expiry', { expiry: '1224' }, 'expired_card', 'invalid_expiry_year'],
    ['month', { expiry: '1339' }, 'expired_card', 'invalid_expiry_month'],
    ['number', { cardNumber: '4242424242424241' }, 'incorrect_number', 'incorrect_number'],
  ] as const)('tells a wrong %s as a decline before any payment', async (_what, text, reason, rawCode) => {
    expect(await provider.pay(keyed({}, card(text)))).toEqual({ result: 'declined', reason, rawCode });
    expect(await targets()).toEqual(['POST /v1/payment_methods']);
  });

  it('takes no card without its expiry', async () => {
    const { expiry: _expiry, ...rest } = card();
    await expect(provider.pay(keyed({}, rest))).rejects.toMatchObject({ failure: 'invalid_request' });
    expect(await double.requests()).toEqual([]);
  });

  it.each(['drop', 'lose_answer', 'garbage', 'server_error', 'too_long'] as const)(
    'has sent no payment when the card is lost on the way: %s',
    async (kind) => {
      const request = keyed();
      await double.setFaults([{ kind, target: 'prepare' }]);
      await expect(provider.pay(request)).rejects.toMatchObject({ failure: 'unavailable' });
      expect(double.intents()).toEqual([]);
      expect(await provider.pay(request)).toMatchObject({ result: 'succeeded' });
      expect(await double.ledger()).toHaveLength(1);
    },
  );

  describe('keeps cards under a customer', () => {
    it('a new one, made once for the attempt', async () => {
      const request = keyed({ purpose: 'tokenize', customerReference: 'customer-7' });
      await double.setFaults([{ kind: 'lose_answer' }]);
      await expect(provider.pay(request)).rejects.toMatchObject({ failure: 'unknown_outcome' });
      await provider.pay(request);
      expect(double.intents()).toHaveLength(1);
      expect(new Set(double.intents().map(({ customer }) => customer)).size).toBe(1);
    });

    it('the account’s own, when it is named as Stripe names it', async () => {
      await provider.pay(keyed({ purpose: 'tokenize' }));
      const customerReference = double.intents()[0]?.customer ?? '';
      await provider.pay(keyed({ purpose: 'charge_and_save', customerReference }));
      expect(double.intents()[1]?.customer).toBe(customerReference);
      expect((await targets()).filter((target) => target === 'POST /v1/customers')).toHaveLength(1);
    });

    it('and charges them for that customer, by telephone or without the cardholder', async () => {
      const token = tokenOf(await provider.pay(keyed({ purpose: 'tokenize' })));
      await provider.pay(stored(token, {}, '737'));
      await provider.pay(stored(token, { initiatedBy: 'merchant' }));
      await provider.pay(stored(token, { purpose: 'authorize' }));
      const [first, ...later] = double.intents();
      expect(later).toMatchObject([
        { moto: true, offSession: false, cvcToken: true, customer: first?.customer },
        { moto: false, offSession: true, cvcToken: false, customer: first?.customer },
        { moto: true, captureMethod: 'manual', cvcToken: false, customer: first?.customer },
      ]);
    });

    it('whose issuer may then refuse them', async () => {
      const token = tokenOf(
        await provider.pay(keyed({ purpose: 'tokenize' }, card({ cardNumber: '4000000000000341' }))),
      );
      expect(await provider.pay(stored(token))).toMatchObject({
        result: 'declined',
        reason: 'generic_decline',
      });
    });

    it('or want them confirmed, which without the cardholder is a decline', async () => {
      const token = tokenOf(
        await provider.pay(keyed({ purpose: 'tokenize' }, card({ cardNumber: '4000002760003184' }))),
      );
      expect(await provider.pay(stored(token, { initiatedBy: 'merchant' }))).toMatchObject({
        result: 'declined',
        reason: 'authentication_required',
      });
    });

    it.each(['tok_visa', 'pm_', '../payment_intents', 'pm_nobody'])('and knows none by %j', async (token) => {
      await expect(provider.pay(stored(token))).rejects.toMatchObject({ failure: 'invalid_request' });
      expect(await double.ledger()).toEqual([]);
    });
  });

  it('names the permission that the account lacks, to whoever pays and in the log', async () => {
    double.setGates({ rawCardData: false, moto: true });
    await expect(provider.pay(keyed())).rejects.toMatchObject({
      failure: 'invalid_request',
      message: expect.stringContaining('raw card data') as string,
    });
    double.setGates({ rawCardData: true, moto: false });
    await expect(provider.pay(keyed())).rejects.toMatchObject({
      failure: 'invalid_request',
      message: expect.stringContaining('MOTO') as string,
    });
    expect(log.join('')).toMatch(/raw card data.*MOTO/s);
    expect(await double.ledger()).toEqual([]);
  });

  it('finds both permissions missing at once', async () => {
    double.setGates({ rawCardData: false, moto: false });
    expect((await provider.check()).map(({ code }) => code)).toEqual([
      'raw_card_data_not_enabled',
      'moto_not_enabled',
    ]);
  });

  it('shows no card that exists when it is checked in live mode', async () => {
    const { ca, server } = await makeTlsMaterial();
    const secretKey = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
    const live = await startStripeDouble({ tls: { ca, ...server }, secretKey });
    const checked = stripeKind.connect({ secret_key: secretKey, base_url: live.url, ca }, 'live', {
      clock: systemClock,
      logger: createLogger('info', { write: (line) => void log.push(line) }),
      timeoutMs: 30_000,
    });
    try {
      expect(await checked.check()).toEqual([]);
      expect(live.intents()).toEqual([]);
      expect(log.join('')).toContain('certain only with a first payment');
      live.setGates({ rawCardData: true, moto: false });
      expect(await checked.check()).toMatchObject([{ code: 'moto_not_enabled' }]);
    } finally {
      await checked.close();
      await live.close();
    }
  });

  it('leaves no card and no payment behind when it is checked', async () => {
    expect(await provider.check()).toEqual([]);
    expect(double.intents().map(({ object, customer }) => ({ object, customer }))).toEqual([
      { object: 'setup_intent', customer: null },
    ]);
  });

  it('counts as Stripe does where that is not ISO 4217', async () => {
    await provider.pay(keyed({ amount: { value: 500, currency: 'ISK' } }));
    expect(double.intents()).toMatchObject([{ amount: 50_000, currency: 'isk' }]);
    expect(await double.ledger()).toMatchObject([{ amount: 500, currency: 'ISK' }]);
  });

  it('does not charge an amount that Stripe cannot express', async () => {
    await expect(provider.pay(keyed({ amount: { value: 5124, currency: 'KWD' } }))).rejects.toMatchObject({
      failure: 'invalid_request',
    });
    expect(await double.requests()).toEqual([]);
  });

  it('finds a payment on a later page of the list', async () => {
    const first = keyed();
    const outcome = await provider.pay(first);
    for (let more = 0; more < 100; more += 1) await provider.pay(keyed());
    expect(await provider.lookup(queryOf(first))).toEqual(outcome);
    expect(await provider.lookup(queryOf(keyed()))).toBeUndefined();
    const pages = (await double.requests()).filter(({ path }) => path.includes('starting_after='));
    expect(pages).toHaveLength(2);
  });

  it('cannot tell when a later page is lost', async () => {
    const first = keyed();
    await provider.pay(first);
    for (let more = 0; more < 100; more += 1) await provider.pay(keyed());
    await double.setFaults([
      { kind: 'delay', delayMs: 1, target: 'lookup' },
      { kind: 'server_error', target: 'lookup' },
    ]);
    await expect(provider.lookup(queryOf(first))).rejects.toMatchObject({ failure: 'unknown_outcome' });
  });

  it('does not take a payment that was made long before for the attempt', async () => {
    const request = keyed();
    await provider.pay(request);
    const since = new Date(Date.now() + 10 * 60_000);
    expect(await provider.lookup({ ...queryOf(request), since })).toBeUndefined();
  });

  it('wants the name of the payment to look a modification up', async () => {
    const query = { idempotencyKey: 'att_x', operation: 'refund' as const, since: new Date() };
    await expect(provider.lookup(query)).rejects.toMatchObject({ failure: 'invalid_request' });
    await expect(provider.lookup({ ...query, providerReference: 'pi_a/b' })).rejects.toMatchObject({
      failure: 'invalid_request',
    });
  });
});
