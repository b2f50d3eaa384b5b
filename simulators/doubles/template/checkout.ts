import { randomUUID } from 'node:crypto';
import { newId } from '../../../src/kernel/ids.ts';
import type { LedgerEntry } from '../contract.ts';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Refusals } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions } from '../server.ts';
import {
  CARD_NUMBER,
  exactly,
  firstWrong,
  hasCheckDigit,
  jsonBody,
  SECURITY_CODE,
  text,
  whole,
} from './json-body.ts';

export interface CheckoutDoubleOptions extends DoubleServerOptions {
  /** `pk_sbox_…` */
  readonly publicKey: string;
}

const invalid = (...codes: string[]): DoubleAnswer => ({
  status: 422,
  body: { request_id: randomUUID(), error_type: 'request_invalid', error_codes: codes },
});

/** 401, 404 and 429 come without a body. */
const bare = (status: number): DoubleAnswer => ({ status, body: '' });

const REFUSALS: Refusals = {
  notFound: () => bare(404),
  rateLimited: () => bare(429),
  serverError: bare,
  keyInFlight: () => bare(409),
  keyReused: () => invalid('idempotency_key_reused'),
};

/** Checkout.com's `POST /tokens` for cards, strict. It has no idempotency key: a token moves no money. */
export function startCheckoutDouble(options: CheckoutDoubleOptions): Promise<DoubleServer> {
  const ledger: LedgerEntry[] = [];

  const create = (request: DoubleRequest): DoubleAnswer => {
    const body = jsonBody(request) ?? {};
    const wrong = firstWrong(
      body,
      {
        type: exactly('card'),
        number: text(/^\d+$/),
        expiry_month: whole(1, 12),
        expiry_year: whole(2000, 2099),
      },
      { cvv: text(SECURITY_CODE) },
    );
    if (wrong === 'cvv') throw new Refusal(invalid('cvv_invalid'));
    if (wrong !== undefined) throw new Refusal(invalid(`${wrong}_required`));
    const number = String(body['number']);
    if (!CARD_NUMBER.test(number) || !hasCheckDigit(number))
      throw new Refusal(invalid('card_number_invalid'));
    const [month, year] = [Number(body['expiry_month']), Number(body['expiry_year'])];
    if (Date.now() >= Date.UTC(year, month, 1)) throw new Refusal(invalid('card_expired'));
    const token = newId('tok');
    ledger.push({
      idempotencyKey: '',
      operation: 'tokenize',
      result: 'succeeded',
      cardNumber: number,
      expiry: `${String(month).padStart(2, '0')}${String(year).slice(-2)}`,
      ...(body['cvv'] !== undefined && { securityCode: body['cvv'] as string }),
      providerReference: token,
    });
    return {
      status: 201,
      body: {
        type: 'card',
        token,
        expires_on: new Date(Date.now() + 15 * 60_000).toISOString(),
        expiry_month: month,
        expiry_year: year,
        last4: number.slice(-4),
        bin: number.slice(0, 6),
      },
    };
  };

  return startDouble(
    {
      routes: [{ method: 'POST', path: /\/tokens/, target: targetOf, handle: create }],
      refusals: REFUSALS,
      admit({ headers }) {
        if (headers.authorization !== `Bearer ${options.publicKey}`) throw new Refusal(bare(401));
      },
      ledger: () => ledger,
      clear: () => void ledger.splice(0),
    },
    options,
  );
}

/** A request without a number is one that only asks whether the key is right. */
function targetOf(request: DoubleRequest): string {
  return jsonBody(request)?.['number'] === undefined ? 'check' : 'pay';
}
