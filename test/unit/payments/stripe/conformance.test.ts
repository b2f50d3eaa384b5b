import { beforeAll } from 'vitest';
import { startStripeDouble, type StripeDouble } from '../../../../simulators/doubles/stripe/double.ts';
import { stripeKind } from '../../../../src/payments/stripe/kind.ts';
import { describeConformance, type RawRequest } from '../../../support/provider-conformance.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../../support/tls-peers.ts';

const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc';
const WRONG_KEY = 'sk_test_0000000000nosuchkey';

const FORM = {
  authorization: `Bearer ${SECRET_KEY}`,
  'stripe-version': '2026-10-28.endive',
  'content-type': 'application/x-www-form-urlencoded',
  'idempotency-key': 'made-without-the-adapter',
};

const CARD = 'type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2039&card[cvc]=123';
const PAYMENT =
  'amount=100&currency=eur&confirm=true&payment_method=pm_card_visa&allowed_payment_method_types[0]=card';

const VALID: RawRequest = {
  method: 'POST',
  path: '/v1/payment_intents',
  headers: FORM,
  body: `${PAYMENT}&payment_method_options[card][moto]=true`,
};

let tls: TlsMaterial;

beforeAll(async () => {
  tls = await makeTlsMaterial();
});

/** Each under a key of its own: a refusal must not come from one that was used before. */
function broken(what: string, changes: Partial<RawRequest>): RawRequest & { readonly what: string } {
  const headers = changes.headers ?? { ...FORM, 'idempotency-key': `made for ${what}` };
  return { ...VALID, ...changes, headers, what };
}

const without = (text: string): string => (VALID.body ?? '').replace(text, '');

describeConformance<StripeDouble>({
  name: 'stripe',
  capabilities: {
    purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
    modifications: ['capture', 'void', 'refund'],
    partialAmounts: true,
    storedCards: true,
    pin: false,
    recovery: 'lookup',
    absenceProvenAfterMs: 300_000,
  },
  secrets: [SECRET_KEY, WRONG_KEY],
  declines: [
    { cardNumber: '4000000000000002', reason: 'generic_decline', rawCode: 'generic_decline' },
    { cardNumber: '4000000000009995', reason: 'insufficient_funds', rawCode: 'insufficient_funds' },
    { cardNumber: '4000000000009987', reason: 'lost_or_stolen', rawCode: 'lost_card' },
    { cardNumber: '4000000000009979', reason: 'lost_or_stolen', rawCode: 'stolen_card' },
    { cardNumber: '4000000000000069', reason: 'expired_card', rawCode: 'expired_card' },
    { cardNumber: '4000000000000127', reason: 'incorrect_security_code', rawCode: 'incorrect_cvc' },
    { cardNumber: '4000000000000119', reason: 'processing_error', rawCode: 'processing_error' },
    { cardNumber: '4000000000006975', reason: 'limit_exceeded', rawCode: 'card_velocity_exceeded' },
    { cardNumber: '4100000000000019', reason: 'suspected_fraud', rawCode: 'fraudulent' },
  ],
  // The key has arrived before, so what it did then is to be looked up.
  reusedKey: 'unknown_outcome',
  startDouble: () => startStripeDouble({ tls: { ca: tls.ca, ...tls.server }, secretKey: SECRET_KEY }),
  connect: (_double, { url, wrongCredentials, clock, logger, timeoutMs }) =>
    stripeKind.connect(
      { secret_key: wrongCredentials ? WRONG_KEY : SECRET_KEY, base_url: url, ca: tls.ca },
      'test',
      { clock, logger, timeoutMs },
    ),
  rawRequests: () => ({
    valid: VALID,
    tls: { ca: tls.ca },
    broken: [
      broken('no key', { headers: { ...FORM, authorization: '' } }),
      broken('another key', { headers: { ...FORM, authorization: `Bearer ${WRONG_KEY}` } }),
      broken('another version', { headers: { ...FORM, 'stripe-version': '2024-06-20' } }),
      broken('no idempotency key', { headers: { ...FORM, 'idempotency-key': '' } }),
      broken('too long an idempotency key', { headers: { ...FORM, 'idempotency-key': 'a'.repeat(256) } }),
      broken('JSON', { headers: { ...FORM, 'content-type': 'application/json' }, body: '{"amount":100}' }),
      broken('an unknown parameter', { body: `${VALID.body ?? ''}&colour=red` }),
      broken('a parameter twice', { body: `${VALID.body ?? ''}&amount=200` }),
      broken('no amount', { body: without('amount=100&') }),
      broken('no currency', { body: without('currency=eur&') }),
      broken('no confirmation', { body: without('confirm=true&') }),
      broken('no payment method', { body: without('payment_method=pm_card_visa&') }),
      broken('no kinds of payment methods', { body: without('&allowed_payment_method_types[0]=card') }),
      broken('the kinds of payment methods by their old name', {
        body: `${VALID.body ?? ''}&payment_method_types[0]=card`,
      }),
      broken('an amount of nothing', { body: `${without('amount=100&')}&amount=0` }),
      broken('a currency in capitals', { body: `${without('currency=eur&')}&currency=EUR` }),
      broken('a currency of no country', { body: `${without('currency=eur&')}&currency=xqq` }),
      broken('three decimals', { body: PAYMENT.replace('eur', 'kwd').replace('100', '1001') }),
      broken('a customer that does not exist', { body: `${VALID.body ?? ''}&customer=cus_nobody` }),
      broken('a card that does not exist', { body: PAYMENT.replace('pm_card_visa', 'pm_nobody') }),
      broken('an unknown path', { path: '/v1/charges' }),
      broken('a list of more than a hundred', {
        method: 'GET',
        path: '/v1/payment_intents?limit=101',
        body: '',
      }),
      broken('a list with an unknown filter', {
        method: 'GET',
        path: '/v1/payment_intents?colour=red',
        body: '',
      }),
      ...[
        ['a card without its number', CARD.replace('&card[number]=4242424242424242', '')],
        ['a card without its month', CARD.replace('&card[exp_month]=12', '')],
        ['a card without its year', CARD.replace('&card[exp_year]=2039', '')],
        ['a card with a name', `${CARD}&card[name]=x`],
        ['a card with a wrong check digit', CARD.replace('4242424242424242', '4242424242424241')],
        ['a card with a thirteenth month', CARD.replace('exp_month]=12', 'exp_month]=13')],
        ['a card that has run out', CARD.replace('2039', '2024')],
      ].map(([what = '', body = '']) => broken(what, { path: '/v1/payment_methods', body })),
    ],
  }),
  findings: [
    {
      what: 'that the account may not send card numbers',
      arrange: (double) => double.setGates({ rawCardData: false, moto: true }),
      code: 'raw_card_data_not_enabled',
    },
    {
      what: 'that the account takes no telephone orders',
      arrange: (double) => double.setGates({ rawCardData: true, moto: false }),
      code: 'moto_not_enabled',
    },
  ],
});
