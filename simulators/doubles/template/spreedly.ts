import { randomBytes } from 'node:crypto';
import type { LedgerEntry } from '../contract.ts';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Refusals } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions } from '../server.ts';
import {
  asObject,
  CARD_NUMBER,
  firstWrong,
  hasCheckDigit,
  jsonBody,
  SECURITY_CODE,
  text,
} from './json-body.ts';

export interface SpreedlyDoubleOptions extends DoubleServerOptions {
  readonly environmentKey: string;
  readonly accessSecret: string;
}

const errors = (status: number, key: string, attribute?: string): DoubleAnswer => ({
  status,
  body: { errors: [{ ...(attribute !== undefined && { attribute }), key, message: `It has ${key}.` }] },
});

const REFUSALS: Refusals = {
  notFound: () => errors(404, 'errors.not_found'),
  rateLimited: () => errors(429, 'errors.too_many_requests'),
  serverError: (status) => errors(status, 'errors.unexpected'),
  keyInFlight: () => errors(409, 'errors.in_flight'),
  keyReused: () => errors(422, 'errors.reused'),
};

/** Published by Spreedly as its declined Visa (https://developer.spreedly.com/docs/test-data). */
const NOT_KEPT = '4012888888881881';

const FLAGS = { allow_blank_name: isFlag, retained: isFlag, metadata: isTexts };
const CARD_REQUIRED = { number: text(/^\d+$/), month: text(/^(?:0?[1-9]|1[0-2])$/), year: text(/^20\d{2}$/) };
const CARD_OPTIONAL = { verification_value: text(SECURITY_CODE), zip: text(/^\w{3,16}$/) };

/** Spreedly's `POST /v1/payment_methods.json` for credit cards, strict. It has no idempotency key. */
export function startSpreedlyDouble(options: SpreedlyDoubleOptions): Promise<DoubleServer> {
  const { environmentKey, accessSecret } = options;
  const expected = `Basic ${Buffer.from(`${environmentKey}:${accessSecret}`).toString('base64')}`;
  const ledger: LedgerEntry[] = [];

  const create = (request: DoubleRequest): DoubleAnswer => {
    const body = jsonBody(request) ?? {};
    const method = asObject(body['payment_method']) ?? {};
    const card = asObject(method['credit_card']) ?? {};
    const wrong =
      firstWrong(body, { payment_method: isObject }) ??
      firstWrong(method, { credit_card: isObject }, FLAGS) ??
      firstWrong(card, CARD_REQUIRED, CARD_OPTIONAL);
    if (wrong !== undefined) throw new Refusal(errors(422, 'errors.invalid', wrong));
    // A telephone call has no name; without this flag Spreedly wants one.
    if (method['allow_blank_name'] !== true) throw new Refusal(errors(422, 'errors.blank', 'full_name'));
    const number = String(card['number']);
    if (!CARD_NUMBER.test(number) || !hasCheckDigit(number)) {
      throw new Refusal(errors(422, 'errors.invalid', 'number'));
    }
    const token = newToken();
    const month = String(card['month']).padStart(2, '0');
    // Created, says the status, and it has a token: only `succeeded` tells that the card was not kept.
    const succeeded = number !== NOT_KEPT;
    ledger.push({
      idempotencyKey: (asObject(method['metadata'])?.['idempotency_key'] ?? '') as string,
      operation: 'tokenize',
      result: succeeded ? 'succeeded' : 'declined',
      cardNumber: number,
      expiry: `${month}${String(card['year']).slice(-2)}`,
      ...(card['verification_value'] !== undefined && { securityCode: card['verification_value'] as string }),
      providerReference: token,
    });
    const kept = {
      token,
      storage_state: succeeded && method['retained'] === true ? 'retained' : 'cached',
      last_four_digits: number.slice(-4),
    };
    return {
      status: 201,
      body: {
        transaction: {
          token: newToken(),
          transaction_type: 'AddPaymentMethod',
          succeeded,
          state: succeeded ? 'succeeded' : 'failed',
          payment_method: { ...kept, payment_method_type: 'credit_card', errors: [] },
        },
      },
    };
  };

  return startDouble(
    {
      routes: [
        { method: 'POST', path: /\/v1\/payment_methods\.json/, target: 'pay', handle: create },
        {
          method: 'GET',
          path: /\/v1\/gateways\.json/,
          target: 'check',
          handle: () => ({ status: 200, body: { gateways: [] } }),
        },
      ],
      refusals: REFUSALS,
      admit({ headers }) {
        if (headers.authorization !== expected) throw new Refusal(errors(401, 'errors.access_denied'));
      },
      ledger: () => ledger,
      clear: () => void ledger.splice(0),
    },
    options,
  );
}

function isObject(value: unknown): boolean {
  return asObject(value) !== undefined;
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isTexts(value: unknown): boolean {
  return Object.values(asObject(value) ?? { none: 0 }).every((entry) => typeof entry === 'string');
}

/** 27 letters and digits, of which Spreedly's are. */
function newToken(): string {
  return randomBytes(32)
    .toString('base64')
    .replaceAll(/[^A-Za-z]/g, '')
    .padEnd(27, 'x')
    .slice(0, 27);
}
