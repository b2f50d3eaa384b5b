import { createPrivateKey, generateKeyPair, timingSafeEqual, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { DoubleRequest, Route } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions } from '../server.ts';
import type { Decision } from './issuer.ts';
import { Payments, type AccountSettings } from './payments.ts';
import { ADYEN_REFUSALS, refusal } from './refusals.ts';
import { readBody } from './schemas.ts';

/** Adyen's own, of the version whose shapes it takes. */
export const BASE_PATH = '/v72';

/** The header's longest value. */
const LONGEST_KEY = 64;

export interface AdyenDoubleOptions extends DoubleServerOptions {
  readonly apiKey: string;
  readonly merchantAccount: string;
  /** PEM. Default: a new one. */
  readonly encryptionKey?: string;
}

export interface AdyenDouble extends DoubleServer {
  /** What the merchant account's card details are sealed to: `exponent|modulus`, as the Customer Area shows it. */
  readonly encryptionKey: string;
  /** What is wrong at the account until the next `reset`. */
  change(settings: Partial<Omit<AccountSettings, 'privateKey'>>): void;
  /** Another key opens envelopes until the next `reset`. */
  rotateEncryptionKey(): Promise<void>;
  /** What the next payment comes to, whatever its card. */
  decideNext(decision: Decision): void;
  /** Answers do not tell tokens until the next `reset`. */
  keepTokensToItself(): void;
}

/** Adyen Checkout, as far as telephone payments go: strict, with a ledger, and with faults. */
export async function startAdyenDouble(options: AdyenDoubleOptions): Promise<AdyenDouble> {
  const { apiKey, merchantAccount, encryptionKey } = options;
  const privateKey = encryptionKey === undefined ? await newKey() : createPrivateKey(encryptionKey);
  const usual: AccountSettings = { merchantAccount, moto: true, cards: true, privateKey };
  let settings = usual;
  const payments = new Payments();
  const server = await startDouble(
    {
      routes: routesOf(payments, () => settings),
      refusals: ADYEN_REFUSALS,
      admit: (request) => refuseStrangers(request, apiKey),
      ledger: () => payments.entries,
      clear: () => {
        settings = usual;
        payments.clear();
      },
    },
    options,
  );
  return {
    ...server,
    encryptionKey: shown(privateKey),
    change: (changes) => void (settings = { ...settings, ...changes }),
    rotateEncryptionKey: async () => {
      settings = { ...settings, privateKey: await newKey() };
    },
    decideNext: (decision) => void (payments.next = decision),
    keepTokensToItself: () => void (payments.silentTokens = true),
  };
}

function routesOf(payments: Payments, settings: () => AccountSettings): readonly Route[] {
  const modify = (
    path: 'captures' | 'cancels' | 'refunds' | 'reversals',
    operation: 'capture' | 'void' | 'refund' | 'reversal',
  ): Route => ({
    method: 'POST',
    path: new RegExp(`^${BASE_PATH}/payments/([^/]+)/${path}$`),
    target: 'modify',
    handle: async (request) => {
      const body = readBody(path, request.headers['content-type'], request.body);
      const key = keyOf(request.headers);
      const [reference = ''] = request.parameters;
      const work = payments.prepareModification(operation, reference, body, key, settings());
      return await request.once(key, request.path, work);
    },
  });
  return [
    {
      method: 'POST',
      path: new RegExp(`^${BASE_PATH}/payments$`),
      target: 'pay',
      handle: async (request) => {
        const body = readBody('payment', request.headers['content-type'], request.body);
        const key = keyOf(request.headers);
        // The documentation promises the first answer for a key, and does not say that bodies are compared.
        return await request.once(key, request.path, payments.prepare(body, key, settings(), new Date()));
      },
    },
    modify('captures', 'capture'),
    modify('cancels', 'void'),
    modify('refunds', 'refund'),
    modify('reversals', 'reversal'),
    {
      method: 'POST',
      path: new RegExp(`^${BASE_PATH}/paymentMethods$`),
      target: 'payment_methods',
      handle: ({ headers, body }) => {
        const read = readBody('paymentMethods', headers['content-type'], body);
        const { merchantAccount, cards } = settings();
        if (read.merchantAccount !== merchantAccount) throw refusal(403, '901', 'Invalid Merchant Account');
        const methods = [
          ...(cards ? [{ type: 'scheme', name: 'Cards', brands: ['visa', 'mc', 'amex'] }] : []),
          { type: 'ideal', name: 'iDEAL' },
        ];
        return { status: 200, body: { paymentMethods: methods } };
      },
    },
  ];
}

function refuseStrangers({ headers }: DoubleRequest, apiKey: string): void {
  const shownKey = Buffer.from(String(headers['x-api-key'] ?? ''));
  const known = Buffer.from(apiKey);
  if (shownKey.length !== known.length || !timingSafeEqual(shownKey, known)) {
    throw refusal(401, '000', 'HTTP Status Response - Unauthorized');
  }
}

function keyOf(headers: DoubleRequest['headers']): string {
  const key = headers['idempotency-key'];
  if (typeof key !== 'string' || key.length === 0 || key.length > LONGEST_KEY) {
    throw refusal(422, '000', 'Idempotency-Key has 1 to 64 characters');
  }
  return key;
}

async function newKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey;
}

function shown(key: KeyObject): string {
  const { e = '', n = '' } = key.export({ format: 'jwk' });
  const hex = (value: string): string => Buffer.from(value, 'base64url').toString('hex').toUpperCase();
  return `${hex(e)}|${hex(n)}`;
}
