import { describe, expect, it } from 'vitest';
import type { SecretBuffer } from '../../../../src/secrets/secret-buffer.ts';
import { JsonMistake } from '../../../../src/workflows/connector/json-stream.ts';
import { ConnectorMembers, MemberMistake } from '../../../../src/workflows/connector/members.ts';
import { readConnectorRequest, type ConnectorRequest } from '../../../../src/workflows/connector/request.ts';

const CHARGE = {
  method: 'charge',
  transaction_id: 'TX-1',
  cardnumber: '4242424242424242',
  cvv: '123',
  expiry_month: '08',
  expiry_year: '27',
  amount: '10.0',
  currency_code: 'usd',
  description: 'Order 5',
  postal_code: '94107',
  parameters: { customer_reference: 'customer-7', other: '4242424242424242', nested: { mode: 'live' } },
};

async function* inPieces(text: string, length: number, kept: Buffer[] = []): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += length) {
    const piece = Buffer.from(bytes.subarray(start, start + length));
    kept.push(piece);
    yield piece;
  }
}

const digits = (secret: SecretBuffer | undefined): string | undefined =>
  secret?.use((bytes) => Buffer.from(bytes).toString());

async function read(
  body: unknown,
  look: (request: ConnectorRequest) => void = () => undefined,
): Promise<void> {
  using members = new ConnectorMembers();
  await members.read(inPieces(typeof body === 'string' ? body : JSON.stringify(body), 7));
  using request = readConnectorRequest(members);
  look(request);
}

const codeOf = async (body: unknown): Promise<string> => {
  try {
    await read(body);
    return 'taken';
  } catch (error) {
    if (error instanceof MemberMistake) return error.code;
    if (error instanceof JsonMistake) return 'malformed_json';
    throw error;
  }
};

describe('a connector’s request', () => {
  it('is read as a whole', async () => {
    await read(CHARGE, (request) => {
      const { card, ...rest } = request;
      expect(rest).toMatchObject({
        method: 'charge',
        transactionId: 'TX-1',
        amount: { value: 1000, currency: 'USD' },
        reference: 'Order 5',
        customerReference: 'customer-7',
        brand: 'visa',
        last4: '4242',
      });
      expect(rest).not.toHaveProperty('mode');
      const { cardNumber, expiry, securityCode, postalCode } = card;
      expect([cardNumber, expiry, securityCode, postalCode].map(digits)).toEqual([
        '4242424242424242',
        '0827',
        '123',
        '94107',
      ]);
    });
  });

  it('wipes every piece, and everything that it holds when it is over', async () => {
    const pieces: Buffer[] = [];
    const members = new ConnectorMembers();
    await members.read(inPieces(JSON.stringify(CHARGE), 16, pieces));
    expect(pieces.length).toBeGreaterThan(5);
    expect(Buffer.concat(pieces).every((byte) => byte === 0)).toBe(true);
    const request = readConnectorRequest(members);
    const { cardNumber, expiry } = request.card;
    request[Symbol.dispose]();
    members[Symbol.dispose]();
    expect([cardNumber.wiped, expiry?.wiped]).toEqual([true, true]);
  });

  it('wipes the pieces after a mistake too', async () => {
    const pieces: Buffer[] = [];
    using members = new ConnectorMembers();
    const body = `{"method":oops,"cardnumber":"4242424242424242","pad":"${'x'.repeat(100)}"}`;
    await expect(members.read(inPieces(body, 16, pieces))).rejects.toThrow(JsonMistake);
    expect(Buffer.concat(pieces)).toHaveLength(body.length);
    expect(Buffer.concat(pieces).every((byte) => byte === 0)).toBe(true);
  });

  it('passes over what it does not know, and counts null and empty texts as left out', async () => {
    const body = {
      ...CHARGE,
      cvv: null,
      postal_code: '',
      description: null,
      parameters: null,
      future: { cardnumber: '1', list: [1, { method: 'x' }] },
      bankaccountnumber: '',
    };
    await read(body, ({ card, reference }) => {
      expect([card.securityCode, card.postalCode, reference]).toEqual([undefined, undefined, undefined]);
    });
  });

  it('moves no money for a token, whatever the amount', async () => {
    await read({ ...CHARGE, method: 'tokenize', amount: 'x' }, (request) => {
      expect(request).not.toHaveProperty('amount');
    });
  });

  it.each([
    ['8', '27', '0827'],
    ['12', '2031', '1231'],
  ])('takes an expiry of %s and %s', async (month, year, expected) => {
    await read({ ...CHARGE, expiry_month: month, expiry_year: year }, ({ card }) => {
      expect(digits(card.expiry)).toBe(expected);
    });
  });

  it('undoes escapes in digits as anywhere', async () => {
    const body = JSON.stringify(CHARGE).replace('"4242424242424242"', '"\\u0034242424242424242"');
    await read(body, ({ card }) => expect(digits(card.cardNumber)).toBe('4242424242424242'));
  });

  it.each<[string, unknown, string]>([
    ['no JSON', 'oops', 'malformed_json'],
    ['half an object', '{"method":"charge"', 'malformed_json'],
    ['no method', { ...CHARGE, method: undefined }, 'method_missing'],
    ['an unknown method', { ...CHARGE, method: 'refund' }, 'method_unknown'],
    ['no transaction_id', { ...CHARGE, transaction_id: undefined }, 'transaction_id_missing'],
    ['a transaction_id with a space', { ...CHARGE, transaction_id: 'a b' }, 'transaction_id_invalid'],
    [
      'a card number for a transaction_id',
      { ...CHARGE, transaction_id: '4242424242424242' },
      'transaction_id_like_card',
    ],
    ['no card number', { ...CHARGE, cardnumber: '' }, 'cardnumber_missing'],
    ['a card number that is a number', { ...CHARGE, cardnumber: 4242424242424242 }, 'cardnumber_invalid'],
    ['a card number with spaces', { ...CHARGE, cardnumber: '4242 4242 4242 4242' }, 'cardnumber_invalid'],
    ['a card number of 20 digits', { ...CHARGE, cardnumber: '42424242424242424242' }, 'cardnumber_invalid'],
    ['a wrong check digit', { ...CHARGE, cardnumber: '4242424242424241' }, 'incorrect_number'],
    ['a code of two digits', { ...CHARGE, cvv: '12' }, 'cvv_invalid'],
    ['a code with a letter', { ...CHARGE, cvv: '12a' }, 'cvv_invalid'],
    ['no expiry', { ...CHARGE, expiry_month: undefined }, 'expiry_missing'],
    ['month 13', { ...CHARGE, expiry_month: '13' }, 'expiry_invalid'],
    ['month 0', { ...CHARGE, expiry_month: '0' }, 'expiry_invalid'],
    ['a year of three digits', { ...CHARGE, expiry_year: '027' }, 'expiry_invalid'],
    ['a year of another century', { ...CHARGE, expiry_year: '1927' }, 'expiry_invalid'],
    ['no amount', { ...CHARGE, amount: undefined }, 'amount_missing'],
    ['an amount of nothing', { ...CHARGE, amount: '0.00' }, 'amount_invalid'],
    ['too many decimals', { ...CHARGE, amount: '10.005' }, 'amount_invalid'],
    ['an amount that is a number', { ...CHARGE, amount: 10 }, 'amount_invalid'],
    ['no currency', { ...CHARGE, currency_code: '' }, 'currency_code_missing'],
    ['a currency of digits', { ...CHARGE, currency_code: '840' }, 'currency_code_invalid'],
    ['a currency that there is not', { ...CHARGE, currency_code: 'xxq' }, 'currency_code_invalid'],
    ['a currency in other letters', { ...CHARGE, currency_code: '\u00dfp' }, 'currency_code_invalid'],
    [
      'a card number in the description',
      { ...CHARGE, description: 'card 4242-4242 4242 4242' },
      'description_like_card',
    ],
    [
      'a long run of digits in the description',
      { ...CHARGE, description: '123456789012' },
      'description_like_card',
    ],
    ['a description that is too long', { ...CHARGE, description: 'x'.repeat(256) }, 'description_invalid'],
    ['an unknown mode', { ...CHARGE, parameters: { mode: 'demo' } }, 'parameters_mode_invalid'],
    ['parameters that are a list', { ...CHARGE, parameters: [] }, 'parameters_invalid'],
    [
      'a bank account',
      { ...CHARGE, bankaccountnumber: '1234', routingnumber: '1' },
      'bank_account_not_supported',
    ],
    ['a bank account that is a number', { ...CHARGE, routingnumber: 5 }, 'bank_account_not_supported'],
    ['a member that comes twice', `{"method":"charge","method":"tokenize"}`, 'member_repeated'],
    [
      'bytes that are not UTF-8',
      `{"method":"charge","transaction_id":"TX","description":"\\ud83d"}`,
      'malformed_json',
    ],
    ['what is too long', { ...CHARGE, pad: 'x'.repeat(17_000) }, 'request_too_long'],
  ])('is refused with %s', async (_what, body, code) => {
    expect(await codeOf(body)).toBe(code);
  });
});
