import { beforeAll } from 'vitest';
import {
  BASE_PATH,
  startAdyenDouble,
  type AdyenDouble,
} from '../../../../simulators/doubles/adyen/double.ts';
import { adyenKind } from '../../../../src/payments/adyen/kind.ts';
import { describeConformance, type RawRequest } from '../../../support/provider-conformance.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../../support/tls-peers.ts';
import { seal } from './seal.ts';

const API_KEY = 'AQEthmfxKo3MaxZDw0m/n3Q5qf3VaY9UCJ1-test-api-key';
const WRONG_API_KEY = 'AQEthmfxKo3MaxZDw0m/n3Q5qf3VaY9UCJ1-no-such-key';
const MERCHANT_ACCOUNT = 'HushtoneTelephone';

let tls: TlsMaterial;
let sealed: string;

beforeAll(async () => {
  tls = await makeTlsMaterial();
});

describeConformance<AdyenDouble>({
  name: 'adyen',
  capabilities: {
    purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
    modifications: ['capture', 'void', 'refund'],
    partialAmounts: true,
    storedCards: true,
    pin: false,
    recovery: 'replay',
    absenceProvenAfterMs: 31 * 24 * 60 * 60_000,
  },
  secrets: [API_KEY, WRONG_API_KEY],
  declines: [
    { cardNumber: '4000000000000002', reason: 'generic_decline', rawCode: '2' },
    { cardNumber: '4000000000009995', reason: 'insufficient_funds', rawCode: '12' },
    { cardNumber: '4000000000009987', reason: 'lost_or_stolen', rawCode: '5' },
    { cardNumber: '4100000000000019', reason: 'suspected_fraud', rawCode: '20' },
    { cardNumber: '4000000000000069', reason: 'expired_card', rawCode: '6' },
    { cardNumber: '4000000000000127', reason: 'incorrect_security_code', rawCode: '24' },
    { cardNumber: '4000000000000119', reason: 'processing_error', rawCode: '4' },
    { cardNumber: '4212345678910006', reason: 'authentication_required', rawCode: 'RedirectShopper' },
    { cardNumber: '4242424242424242', expiry: '0124', reason: 'expired_card', rawCode: '6' },
  ],
  // It takes a modification on and tells by a webhook later that it could not be done.
  refusesAtOnce: false,
  // It gives the first answer again, which is not about this amount.
  reusedKey: 'unknown_outcome',
  async startDouble() {
    const { ca, server } = tls;
    const double = await startAdyenDouble({
      tls: { ca, ...server },
      apiKey: API_KEY,
      merchantAccount: MERCHANT_ACCOUNT,
    });
    sealed = seal(double.encryptionKey, {
      number: '4242424242424242',
      expiryMonth: '12',
      expiryYear: '2039',
      generationtime: new Date().toISOString(),
    });
    return double;
  },
  connect: (double, { url, wrongCredentials, ...dependencies }) =>
    adyenKind.connect(
      {
        api_key: wrongCredentials ? WRONG_API_KEY : API_KEY,
        merchant_account: MERCHANT_ACCOUNT,
        encryption_key: double.encryptionKey,
        return_url: 'https://merchant.example/telephone',
        base_url: `${url}${BASE_PATH}`,
        ca: double.ca,
      },
      'test',
      dependencies,
    ),
  findings: [
    {
      what: 'that telephone orders are not taken',
      arrange: (double) => double.change({ moto: false }),
      code: 'moto_not_enabled',
    },
    {
      what: 'another encryption key',
      arrange: (double) => double.rotateEncryptionKey(),
      code: 'encryption_key_unknown',
    },
    {
      what: 'another merchant account',
      arrange: (double) => double.change({ merchantAccount: 'SomebodyElse' }),
      code: 'merchant_account_unknown',
    },
    {
      what: 'that cards are not among the payment methods',
      arrange: (double) => double.change({ cards: false }),
      code: 'configuration_refused',
    },
  ],
  rawRequests() {
    const body = {
      merchantAccount: MERCHANT_ACCOUNT,
      amount: { value: 100, currency: 'EUR' },
      reference: 'order-1',
      returnUrl: 'https://merchant.example/telephone',
      paymentMethod: { type: 'scheme', encryptedCard: sealed },
      shopperInteraction: 'Moto',
      captureDelayHours: 0,
    };
    const request = (changes: object, headers: Record<string, string> = {}): RawRequest => ({
      method: 'POST',
      path: `${BASE_PATH}/payments`,
      headers: {
        'content-type': 'application/json',
        'x-api-key': API_KEY,
        'idempotency-key': 'raw-1',
        ...headers,
      },
      body: JSON.stringify({ ...body, ...changes }),
    });
    const [header = '', ...rest] = sealed.split('.');
    const tampered = [header, ...rest.slice(0, -1), 'AAAAAAAAAAAAAAAAAAAAAA'].join('.');
    return {
      valid: request({}),
      broken: [
        { what: 'an unknown member', ...request({ channel: 'Telephone' }) },
        { what: 'no return address', ...request({ returnUrl: undefined }) },
        { what: 'no reference', ...request({ reference: undefined }) },
        { what: 'a card as plain text', ...request({ paymentMethod: { type: 'scheme', number: '4242' } }) },
        { what: 'no card at all', ...request({ paymentMethod: { type: 'scheme' } }) },
        {
          what: 'an envelope that was changed',
          ...request({ paymentMethod: { type: 'scheme', encryptedCard: tampered } }),
        },
        { what: 'an amount as text', ...request({ amount: { value: '100', currency: 'EUR' } }) },
        { what: 'another interaction', ...request({ shopperInteraction: 'Telephone' }) },
        { what: 'a card to be kept under nobody', ...request({ storePaymentMethod: true }) },
        { what: 'another merchant account', ...request({ merchantAccount: 'Other' }) },
        { what: 'no key', ...request({}, { 'x-api-key': '' }) },
        {
          what: 'an idempotency key that is too long',
          ...request({}, { 'idempotency-key': 'a'.repeat(65) }),
        },
        { what: 'a form', ...request({}, { 'content-type': 'application/x-www-form-urlencoded' }) },
        { what: 'no JSON', ...request({}), body: '{' },
      ],
      tls: { ca: tls.ca },
    };
  },
});
