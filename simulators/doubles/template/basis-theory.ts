import { createHash, randomUUID } from 'node:crypto';
import type { LedgerEntry } from '../contract.ts';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Refusals } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions } from '../server.ts';
import {
  asObject,
  CARD_NUMBER,
  exactly,
  firstWrong,
  hasCheckDigit,
  jsonBody,
  SECURITY_CODE,
  text,
  whole,
} from './json-body.ts';

export interface BasisTheoryDoubleOptions extends DoubleServerOptions {
  readonly apiKey: string;
}

/** Errors after RFC 7807, as Basis Theory writes them. */
const problem = (status: number, title: string, detail?: string): DoubleAnswer => ({
  status,
  body: { title, status, ...(detail !== undefined && { detail }) },
});

const REFUSALS: Refusals = {
  notFound: () => problem(404, 'Not Found'),
  rateLimited: () => problem(429, 'Too Many Requests'),
  serverError: (status) => problem(status, 'Error'),
  keyInFlight: () => problem(409, 'Conflict', 'A request with this idempotency key is being processed.'),
  keyReused: () => problem(422, 'Unprocessable Entity', 'The idempotency key came with another request.'),
};

/** Basis Theory's `POST /tokens` for cards, strict, with its idempotency header. */
export function startBasisTheoryDouble(options: BasisTheoryDoubleOptions): Promise<DoubleServer> {
  const ledger: LedgerEntry[] = [];

  const create = async (request: DoubleRequest): Promise<DoubleAnswer> => {
    const body = jsonBody(request);
    const data = asObject(body?.['data']);
    if (body === undefined || data === undefined) throw new Refusal(problem(400, 'Bad Request'));
    const wrong =
      firstWrong(body, { type: exactly('card'), data: (value) => value === data }) ??
      firstWrong(
        data,
        { number: text(CARD_NUMBER), expiration_month: whole(1, 12), expiration_year: whole(2000, 2099) },
        { cvc: text(SECURITY_CODE) },
      );
    if (wrong !== undefined || !hasCheckDigit(String(data['number']))) {
      throw new Refusal(
        problem(400, 'One or more validation errors occurred.', `${wrong ?? 'number'} is invalid`),
      );
    }
    const key = request.headers['bt-idempotency-key'];
    const keep = (): DoubleAnswer => kept(data, typeof key === 'string' ? key : '');
    if (typeof key !== 'string') return keep();
    return await request.once(key, createHash('sha256').update(request.body).digest('hex'), keep);
  };

  const kept = (data: Record<string, unknown>, idempotencyKey: string): DoubleAnswer => {
    const id = randomUUID();
    const number = String(data['number']);
    const month = String(data['expiration_month']).padStart(2, '0');
    ledger.push({
      idempotencyKey,
      operation: 'tokenize',
      result: 'succeeded',
      cardNumber: number,
      expiry: `${month}${String(data['expiration_year']).slice(-2)}`,
      ...(data['cvc'] !== undefined && { securityCode: data['cvc'] as string }),
      providerReference: id,
    });
    const masked = `${'X'.repeat(number.length - 4)}${number.slice(-4)}`;
    const shown = { ...data, number: masked, cvc: undefined };
    return {
      status: 201,
      body: { id, tenant_id: randomUUID(), type: 'card', data: shown, containers: ['/pci/high/'] },
    };
  };

  return startDouble(
    {
      routes: [
        { method: 'POST', path: /\/tokens/, target: 'pay', handle: create },
        {
          method: 'GET',
          path: /\/applications\/key/,
          target: 'check',
          handle: () => ({ status: 200, body: { id: randomUUID(), type: 'private' } }),
        },
      ],
      refusals: REFUSALS,
      admit({ headers }) {
        if (headers['bt-api-key'] !== options.apiKey) throw new Refusal(problem(401, 'Unauthorized'));
      },
      ledger: () => ledger,
      clear: () => void ledger.splice(0),
    },
    options,
  );
}
