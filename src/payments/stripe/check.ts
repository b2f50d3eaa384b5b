import { randomUUID } from 'node:crypto';
import type { Logger } from '../../kernel/logger.ts';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { CheckFinding } from '../contract.ts';
import type { Mode } from '../kind.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import type { StripeClient } from './client.ts';
import { closedGate, MOTO_OFF, RAW_CARD_DATA_OFF, readRefusal } from './errors.ts';
import { paymentMethodBody, setupIntentBody } from './requests.ts';

/**
 * The number of no card: its check digit (ISO/IEC 7812-1 annex B) is wrong, so it is refused where it arrives, no issuer
 * sees it and nothing is kept. Whether the account may send numbers at all is said before that.
 */
const NO_CARD = '4111111111111112';
const SOME_EXPIRY = '1249';

/** In test mode a card that Stripe publishes; in live mode the name of none, so that nothing comes of the request. */
const SOME_PAYMENT_METHOD: Readonly<Record<Mode, string>> = {
  test: 'pm_card_visa',
  live: 'pm_hushtonecheck',
};

/**
 * Reads one payment with the key, then shows Stripe the number of no card, and a telephone order that moves nothing. In
 * live mode the last names no card either: a missing permission for telephone orders is told if Stripe looks at the
 * parameters first, and certainly only by a payment. Never rejects.
 */
export async function checkStripe(
  client: StripeClient,
  mode: Mode,
  logger: Logger,
): Promise<readonly CheckFinding[]> {
  const listed = await quietly(client.get('/v1/payment_intents?limit=1'));
  if (listed?.status !== 200) return [findingOf(listed)];
  const gates = [await rawCardData(client), await telephoneOrders(client, mode)];
  if (mode === 'live') {
    logger.info('telephone orders are certain only with a first payment in live mode', {
      provider: 'stripe',
    });
  }
  return gates.filter((finding) => finding !== undefined);
}

async function rawCardData(client: StripeClient): Promise<CheckFinding | undefined> {
  using cardNumber = digits(NO_CARD);
  using expiry = digits(SOME_EXPIRY);
  const answer = await quietly(
    client.post('/v1/payment_methods', newKey(), paymentMethodBody({ cardNumber, expiry })),
  );
  const refusal = answer && readRefusal(answer);
  if (answer === undefined || refusal === undefined) return findingOf(answer);
  // That the number is wrong is what an account hears that may send numbers.
  if (refusal.type === 'card_error') return undefined;
  return closedGate(answer, refusal) === 'raw_card_data'
    ? { code: 'raw_card_data_not_enabled', message: RAW_CARD_DATA_OFF }
    : findingOf(answer);
}

async function telephoneOrders(client: StripeClient, mode: Mode): Promise<CheckFinding | undefined> {
  const idempotencyKey = newKey();
  const paymentMethod = SOME_PAYMENT_METHOD[mode];
  const body = setupIntentBody({ idempotencyKey }, { paymentMethod });
  const answer = await quietly(client.post('/v1/setup_intents', idempotencyKey, body));
  if (answer === undefined) return findingOf(answer);
  if (answer.status === 200) return undefined;
  const refusal = readRefusal(answer);
  if (refusal === undefined) return findingOf(answer);
  if (closedGate(answer, refusal) === 'moto') return { code: 'moto_not_enabled', message: MOTO_OFF };
  return refusal.code === 'resource_missing' && refusal.parameter === 'payment_method'
    ? undefined
    : findingOf(answer);
}

function findingOf(answer: TransportAnswer | undefined): CheckFinding {
  if (answer === undefined || answer.status === 429 || answer.status >= 500) {
    return { code: 'unreachable', message: 'Stripe does not answer, or not now.' };
  }
  if (answer.status === 401) {
    return {
      code: 'authentication_failed',
      message: 'Stripe does not know this secret key: see Developers, API keys.',
    };
  }
  if (answer.status === 403) {
    return {
      code: 'authentication_failed',
      message:
        'The key is restricted: it needs to write PaymentIntents, SetupIntents, PaymentMethods, Customers, Tokens and Refunds.',
    };
  }
  const { code, type, parameter } = readRefusal(answer) ?? {};
  const said = [code ?? type, parameter].filter((part) => part !== undefined).join(', ');
  return {
    code: 'configuration_refused',
    message: `Stripe answered ${answer.status}${said === '' ? '' : ` (${said})`} to a request that takes no money.`,
  };
}

async function quietly(exchange: Promise<TransportAnswer>): Promise<TransportAnswer | undefined> {
  try {
    return await exchange;
  } catch {
    return undefined; // told as a finding
  }
}

function newKey(): string {
  return `hushtone-check-${randomUUID()}`;
}

function digits(text: string): SecretBuffer {
  const secret = new SecretBuffer(text.length);
  secret.appendBytes(Buffer.from(text, 'ascii'));
  return secret;
}
