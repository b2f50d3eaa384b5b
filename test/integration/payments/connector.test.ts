import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoubleServer } from '../../../simulators/doubles/server.ts';
import { startConnectorDouble } from '../../../simulators/doubles/connector/double.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { connectorKind } from '../../../src/payments/connector/kind.ts';
import type { PaymentProvider } from '../../../src/payments/contract.ts';
import { payAndSearch, randomCard } from '../../support/adapter-residue.ts';
import { describeConformance, type RawRequest } from '../../support/provider-conformance.ts';
import { makeTlsMaterial, TestServers, type TlsMaterial } from '../../support/tls-peers.ts';
import { cardDetails } from './sandbox.ts';

const USERNAME = 'gateway';
const PASSWORD = 'correct-horse-battery';
const WRONG_PASSWORD = 'wrong-horse-battery';
const ERROR_CODES = { nsf: 'insufficient_funds', lost: 'lost_or_stolen', stolen: 'lost_or_stolen' };

let tls: TlsMaterial;
beforeAll(async () => {
  tls = await makeTlsMaterial();
});

const startDouble = (): Promise<DoubleServer> =>
  startConnectorDouble({ tls: { ca: tls.ca, ...tls.server }, username: USERNAME, password: PASSWORD });

const configurationOf = (url: string, changes: Record<string, unknown> = {}) => ({
  url: `${url}/connector`,
  username: USERNAME,
  password: PASSWORD,
  ca: tls.ca,
  error_codes: ERROR_CODES,
  ...changes,
});

const DEPENDENCIES = { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 };

const RAW = {
  method: 'charge',
  transaction_id: 'att_raw',
  cardnumber: '4242424242424242',
  expiry_month: '12',
  expiry_year: '39',
  amount: '12.50',
  currency_code: 'EUR',
  parameters: {},
};
const raw = (changes: Record<string, unknown> = {}, headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path: '/connector',
  headers: {
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`,
    ...headers,
  },
  body: JSON.stringify({ ...RAW, ...changes }),
});

describeConformance({
  name: 'connector',
  startDouble,
  connect: (_double, { url, wrongCredentials, ...dependencies }) =>
    connectorKind.connect(
      configurationOf(url, wrongCredentials ? { password: WRONG_PASSWORD } : {}),
      'test',
      dependencies,
    ),
  capabilities: {
    purposes: ['charge', 'tokenize'],
    modifications: [],
    partialAmounts: false,
    storedCards: false,
    pin: false,
    recovery: 'replay',
    absenceProvenAfterMs: 86_400_000,
  },
  secrets: [PASSWORD, WRONG_PASSWORD, Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')],
  declines: [
    { cardNumber: '4000000000000002', rawCode: 'card_declined', reason: 'generic_decline' },
    { cardNumber: '4000000000009995', rawCode: 'nsf', reason: 'insufficient_funds' },
    { cardNumber: '4000000000009987', rawCode: 'lost', reason: 'lost_or_stolen' },
    { cardNumber: '4000000000009979', rawCode: 'stolen', reason: 'lost_or_stolen' },
    { cardNumber: '4000000000000127', rawCode: 'cvv_mismatch', reason: 'generic_decline' },
  ],
  rawRequests: () => ({
    tls: { ca: tls.ca },
    valid: raw(),
    broken: [
      { what: 'no credentials', ...raw({}, { authorization: '' }) },
      { what: 'a form', ...raw({}, { 'content-type': 'application/x-www-form-urlencoded' }) },
      { what: 'an unknown method', ...raw({ method: 'refund' }) },
      { what: 'an unknown member', ...raw({ card: '1' }) },
      { what: 'no card number', ...raw({ cardnumber: undefined }) },
      { what: 'a card number that is a number', ...raw({ cardnumber: 4242424242424242 }) },
      { what: 'a month of one digit', ...raw({ expiry_month: '1' }) },
      { what: 'no amount', ...raw({ amount: undefined }) },
      { what: 'an amount of nothing', ...raw({ amount: '0.00' }) },
      { what: 'too many decimals', ...raw({ amount: '12.505' }) },
      { what: 'a currency in small letters', ...raw({ currency_code: 'eur' }) },
      { what: 'money for a token', ...raw({ method: 'tokenize' }) },
      { what: 'parameters that are a list', ...raw({ parameters: [] }) },
    ],
  }),
});

describe('the connector', () => {
  let double: DoubleServer;
  beforeAll(async () => {
    double = await startDouble();
  });
  afterAll(() => double?.close());

  it('leaves no digit in memory', async () => {
    const card = randomCard();
    const { outcome, atOnce, afterCollection } = await payAndSearch({
      adapter: {
        module: new URL('../../../src/payments/connector/kind.ts', import.meta.url).href,
        member: 'connectorKind',
        configuration: configurationOf(double.url),
      },
      request: { purpose: 'charge', idempotencyKey: 'residue', amount: { value: 1250, currency: 'EUR' } },
      card: { ...card, postalCode: [9, 4, 1, 0, 7] },
      contexts: [
        { field: 'securityCode', before: '"cvv":"' },
        { field: 'postalCode', before: '"postal_code":"' },
      ],
    });
    expect(outcome).toMatchObject({ result: 'succeeded' });
    const [entry] = await double.ledger();
    expect([entry?.cardNumber, entry?.expiry, entry?.securityCode]).toEqual([
      card.cardNumber.join(''),
      card.expiry.join(''),
      card.securityCode.join(''),
    ]);
    expect([atOnce, afterCollection]).toEqual([[], []]);
  });
});

describe('the connector as its configuration says', () => {
  const servers = new TestServers();
  const opened: PaymentProvider[] = [];
  afterAll(async () => {
    await Promise.all(opened.map((provider) => provider.close()));
    await servers.close();
  });

  /** What was sent, and an answer to it. */
  const exchange = async (
    changes: Record<string, unknown>,
    answer: (text: string) => string,
  ): Promise<{ provider: PaymentProvider; sent: () => string }> => {
    let sent = '';
    const url = await servers.tls(tls, (socket, text) => {
      sent += text;
      if (!sent.endsWith('}')) return;
      const body = answer(sent);
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
    const provider = connectorKind.connect(configurationOf(url, changes), 'test', DEPENDENCIES);
    opened.push(provider);
    return { provider, sent: () => sent.slice(sent.indexOf('\r\n\r\n') + 4) };
  };

  it('writes years of four digits and its own parameters, where it is told to', async () => {
    const changes = { expiry_year_digits: 4, parameters: { merchant: 'm-5', 'with "quotes"': 'é' } };
    const { provider, sent } = await exchange(changes, () => '{"token_id":"tok_1","error_code":null}');
    const card = cardDetails({ postalCode: '94107' });
    expect(
      await provider.pay({ purpose: 'tokenize', idempotencyKey: 'att_1', reference: 'order 5', card }),
    ).toEqual({
      result: 'succeeded',
      providerReference: 'tok_1',
      providerToken: 'tok_1',
    });
    expect(JSON.parse(Buffer.from(sent(), 'latin1').toString('utf8'))).toEqual({
      method: 'tokenize',
      transaction_id: 'att_1',
      cardnumber: '4242424242424242',
      cvv: '123',
      expiry_month: '12',
      expiry_year: '2039',
      postal_code: '94107',
      description: 'order 5',
      parameters: changes.parameters,
    });
  });

  it('takes an answer that repeats the card number for none, and says nothing of it', async () => {
    const { provider } = await exchange({}, () => '{"charge_id":"4242424242424242","error_code":null}');
    const amount = { value: 1, currency: 'EUR' };
    const attempt = provider.pay({ purpose: 'charge', idempotencyKey: 'att_1', amount, card: cardDetails() });
    await expect(attempt).rejects.toMatchObject({
      failure: 'unknown_outcome',
      message: expect.not.stringMatching(/\d{6}/) as string,
    });
  });

  it('does not start with a certificate authority that is none', () => {
    expect(() =>
      connectorKind.connect(configurationOf('https://127.0.0.1', { ca: 'x' }), 'test', DEPENDENCIES),
    ).toThrow(expect.objectContaining({ code: 'provider_configuration', kind: 'invalid' }));
    expect(connectorKind.modeOf(configurationOf('https://127.0.0.1'))).toBeUndefined();
  });
});
