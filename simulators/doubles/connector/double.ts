import { createHash, timingSafeEqual } from 'node:crypto';
import { newId } from '../../../src/kernel/ids.ts';
import type { LedgerEntry } from '../contract.ts';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Refusals } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions } from '../server.ts';
import { readConnectorRequest, type ConnectorRequest } from './request.ts';

/** Test numbers that Stripe publishes, with the codes that this connector writes for them. */
const DECLINED_NUMBERS: Readonly<Record<string, string>> = {
  '4000000000000002': 'card_declined',
  '4000000000009995': 'nsf',
  '4000000000009987': 'lost',
  '4000000000009979': 'stolen',
  '4000000000000069': 'expired',
  '4000000000000127': 'cvv_mismatch',
  '4000000000000119': 'try_again',
};

export interface ConnectorDoubleOptions extends DoubleServerOptions {
  readonly username: string;
  readonly password: string;
  /** Where it is reached. Default `/connector`. */
  readonly path?: string;
}

/** A payment gateway that is called as a generic pay connector: one address, Basic authentication, strict. */
export function startConnectorDouble(options: ConnectorDoubleOptions): Promise<DoubleServer> {
  const { username, password, path = '/connector' } = options;
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const ledger: LedgerEntry[] = [];

  const pay = async (request: DoubleRequest): Promise<DoubleAnswer> => {
    const payment = readConnectorRequest(request, refuse);
    return await request.once(payment.transactionId, fingerprintOf(payment), () => settle(payment));
  };

  const settle = (payment: ConnectorRequest): DoubleAnswer => {
    const { method, transactionId, amount, cardNumber, expiry, securityCode } = payment;
    const errorCode = DECLINED_NUMBERS[cardNumber];
    const name = method === 'charge' ? newId('chg') : newId('tok');
    ledger.push({
      idempotencyKey: transactionId,
      operation: method,
      result: errorCode === undefined ? 'succeeded' : 'declined',
      ...(errorCode !== undefined && { declineCode: errorCode }),
      ...(amount !== undefined && { amount: amount.value, currency: amount.currency }),
      cardNumber,
      ...(expiry !== undefined && { expiry }),
      ...(securityCode !== undefined && { securityCode }),
      providerReference: name,
    });
    return answer(errorCode === undefined ? name : null, method, errorCode ?? null);
  };

  return startDouble(
    {
      routes: [
        { method: 'POST', path: new RegExp(path), target: 'pay', handle: pay },
        {
          method: 'GET',
          path: new RegExp(path),
          target: 'check',
          handle: () => ({ status: 405, body: refusalBody('method_not_allowed') }),
        },
      ],
      refusals: REFUSALS,
      admit({ headers }) {
        if (!sameText(headers.authorization ?? '', expected)) {
          throw new Refusal({ status: 401, body: refusalBody('unauthorized') });
        }
      },
      ledger: () => ledger,
      clear: () => void ledger.splice(0),
    },
    options,
  );
}

function answer(name: string | null, method: 'charge' | 'tokenize', errorCode: string | null): DoubleAnswer {
  return {
    status: 200,
    body: {
      [method === 'charge' ? 'charge_id' : 'token_id']: name,
      error_code: errorCode,
      error_message: errorCode === null ? null : 'The card was refused.',
      parameters: {},
    },
  };
}

const refusalBody = (code: string): unknown => ({
  error_code: code,
  error_message: 'The request is refused.',
});
const refuse = (code: string): Refusal => new Refusal({ status: 400, body: refusalBody(code) });

const REFUSALS: Refusals = {
  notFound: () => ({ status: 404, body: refusalBody('not_found') }),
  rateLimited: () => ({ status: 429, body: refusalBody('rate_limited') }),
  serverError: (status) => ({ status, body: refusalBody('internal') }),
  keyInFlight: () => ({ status: 409, body: refusalBody('in_flight') }),
  keyReused: () => ({ status: 422, body: refusalBody('transaction_id_reused') }),
};

function fingerprintOf(payment: ConnectorRequest): string {
  return createHash('sha256').update(JSON.stringify(payment)).digest('hex');
}

function sameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
