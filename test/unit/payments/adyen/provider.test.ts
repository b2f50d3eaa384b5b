import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  BASE_PATH,
  startAdyenDouble,
  type AdyenDouble,
} from '../../../../simulators/doubles/adyen/double.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { adyenKind } from '../../../../src/payments/adyen/kind.ts';
import type { PaymentProvider, PaymentRequest } from '../../../../src/payments/contract.ts';
import { makeTlsMaterial, TestServers } from '../../../support/tls-peers.ts';
import { secretDigits } from '../secret-digits.ts';

const AMOUNT = { value: 1250, currency: 'EUR' };

describe('what is particular to adyen', () => {
  const servers = new TestServers();
  let double: AdyenDouble;
  let provider: PaymentProvider;

  beforeAll(async () => {
    const { ca, server } = await makeTlsMaterial();
    const merchantAccount = 'Merchant';
    double = await startAdyenDouble({ tls: { ca, ...server }, apiKey: 'AQEkey', merchantAccount });
    provider = adyenKind.connect(
      {
        api_key: 'AQEkey',
        merchant_account: merchantAccount,
        encryption_key: double.encryptionKey,
        return_url: 'https://merchant.example/',
        base_url: `${double.url}${BASE_PATH}`,
        ca,
      },
      'test',
      { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 },
    );
  });
  afterEach(() => double.reset());
  afterAll(async () => {
    await provider?.close();
    await double?.close();
    await servers.close();
  });

  const request = (changes: object = {}): PaymentRequest => ({
    purpose: 'charge',
    idempotencyKey: 'att_1',
    amount: AMOUNT,
    customerReference: 'customer-7',
    card: {
      cardNumber: secretDigits('4242424242424242'),
      expiry: secretDigits('1239'),
      securityCode: secretDigits('123'),
    },
    ...changes,
  });

  it.each(['charge', 'authorize'] as const)(
    'gives back what was authorised in part of %s, once, and declines it',
    async (purpose) => {
      double.decideNext({ resultCode: 'PartiallyAuthorised' });
      const declined = {
        result: 'declined',
        reason: 'insufficient_funds',
        rawCode: 'PartiallyAuthorised',
      };
      expect(await provider.pay(request({ purpose }))).toMatchObject(declined);
      expect(await provider.pay(request({ purpose }))).toMatchObject(declined);
      expect(await double.ledger()).toMatchObject([
        { operation: purpose, amount: 625 },
        purpose === 'charge'
          ? { operation: 'refund', amount: 625, result: 'succeeded' }
          : { operation: 'void', result: 'succeeded' },
      ]);
    },
  );

  it('does not know what became of a part that is not given back', async () => {
    double.decideNext({ resultCode: 'PartiallyAuthorised' });
    await double.setFaults([{ kind: 'server_error', target: 'modify' }]);
    await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'unknown_outcome' });
    // The same key again gives the same part, and then it is given back.
    expect(await provider.pay(request())).toMatchObject({ reason: 'insufficient_funds' });
    expect(await double.ledger()).toMatchObject([{ operation: 'charge' }, { operation: 'refund' }]);
  });

  it('does not take a payment that is not decided for either', async () => {
    double.decideNext({ resultCode: 'Received' });
    await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'unknown_outcome' });
    await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'unknown_outcome' });
  });

  it('tells what to switch on when a card is kept without a word about its token', async () => {
    double.decideNext({ resultCode: 'Authorised' });
    double.keepTokensToItself();
    const { amount: _amount, ...tokenize } = request({ purpose: 'tokenize' });
    await expect(provider.pay(tokenize)).rejects.toMatchObject({
      failure: 'invalid_request',
      message: expect.stringContaining('Recurring details') as string,
    });
  });

  it('takes a token under its own customer reference only', async () => {
    const { amount: _amount, ...tokenize } = request({ purpose: 'tokenize' });
    const kept = await provider.pay(tokenize);
    const providerToken = 'providerToken' in kept ? (kept.providerToken ?? '') : '';
    const { card: _card, ...charge } = request({ idempotencyKey: 'att_2' });
    const stored = { ...charge, stored: { providerToken, securityCode: secretDigits('321') } };
    await expect(provider.pay({ ...stored, customerReference: 'somebody else' })).rejects.toMatchObject({
      failure: 'invalid_request',
    });
    expect(await provider.pay(stored)).toMatchObject({ result: 'succeeded' });
    const [, entry] = await double.ledger();
    expect(entry).toMatchObject({ cardNumber: '4242424242424242', securityCode: '321' });
  });

  it('is never asked for a token or a payment that cannot be one of its own', async () => {
    const { card: _card, ...charge } = request();
    const seen = (await double.requests()).length;
    for (const providerToken of ['', 'tok_123', '../payments']) {
      await expect(provider.pay({ ...charge, stored: { providerToken } })).rejects.toMatchObject({
        failure: 'invalid_request',
      });
    }
    expect((await double.requests()).length).toBe(seen);
  });

  it('declines a modification of a payment that there is not', async () => {
    expect(
      await provider.modify({
        modification: 'refund',
        idempotencyKey: 'att_3',
        providerReference: 'NC6HT9CRT65ZGN82',
        amount: AMOUNT,
        authorized: AMOUNT,
      }),
    ).toEqual({ result: 'declined', reason: 'not_modifiable', rawCode: '167' });
  });

  it('takes an answer that repeats the card number for none, though the number has the shape of a name', async () => {
    const { ca, ...rest } = await makeTlsMaterial();
    const url = await servers.tls({ ca, ...rest }, (socket) => {
      const body = '{"resultCode":"Authorised","pspReference":"4242424242424242"}';
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
    const echoing = adyenKind.connect(
      {
        api_key: 'AQEkey',
        merchant_account: 'Merchant',
        encryption_key: double.encryptionKey,
        return_url: 'https://merchant.example/',
        base_url: url,
        ca,
      },
      'test',
      { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 },
    );
    await expect(echoing.pay(request())).rejects.toMatchObject({
      failure: 'unknown_outcome',
      message: expect.stringContaining('repeats the card number') as string,
    });
    await echoing.close();
  });

  it('declines a number with a wrong check digit as Adyen does', async () => {
    const card = { cardNumber: secretDigits('4242424242424241'), expiry: secretDigits('1239') };
    expect(await provider.pay(request({ card }))).toEqual({
      result: 'declined',
      reason: 'incorrect_number',
      rawCode: '101',
    });
  });
});
