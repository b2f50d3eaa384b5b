import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { CheckFinding } from '../contract.ts';
import { isJsonObject, readJsonObject } from '../transport/json.ts';
import type { Transport, TransportAnswer } from '../transport/transport.ts';
import type { AdyenConfiguration } from './configuration.ts';
import { sealCard } from './envelope.ts';
import { readError } from './errors.ts';
import { paymentBody, paymentMethodsBody } from './requests.ts';

/**
 * The number of no card: its check digit (ISO/IEC 7812-1 annex B) is wrong, so it is refused when the envelope is
 * opened and no issuer ever sees it.
 */
const NO_CARD = '4111111111111112';
const SOME_EXPIRY = '1249';

/** What the payment of nothing is called. */
const PROBE = 'hushtone-check';

/** `Invalid card number` and `Unable to determine variant`: the envelope was opened. */
const OPENED: readonly string[] = ['101', '102'];
/** `Invalid Merchant Account`. */
const NO_SUCH_ACCOUNT = '901';
/** `Unable to decrypt data`. */
const NOT_OPENED = '174';

/**
 * Asks which payment methods the account has, then authorises nothing on the number of no card, by telephone: the first
 * shows the key and the account, the second the encryption key and whether telephone orders are taken. Never rejects.
 */
export async function checkAdyen(
  transport: Transport,
  configuration: AdyenConfiguration,
  clock: Clock,
): Promise<readonly CheckFinding[]> {
  const methods = await post(transport, '/paymentMethods', paymentMethodsBody(configuration));
  if (methods === undefined) {
    return [finding('unreachable', `Adyen does not answer at ${configuration.url.host}.`)];
  }
  if (methods.status !== 200) return [findingOfRefusal(methods, configuration)];
  if (!takesCards(methods)) {
    return [
      finding(
        'configuration_refused',
        'Cards are not among the payment methods of the merchant account: add them in the Customer Area.',
      ),
    ];
  }
  const payment = await post(transport, '/payments', await probe(configuration, clock));
  if (payment === undefined) return [finding('unreachable', 'Adyen did not answer a payment of nothing.')];
  return findingsOfProbe(payment, configuration);
}

async function probe(configuration: AdyenConfiguration, clock: Clock): Promise<string> {
  using cardNumber = digits(NO_CARD);
  using expiry = digits(SOME_EXPIRY);
  const card = { cardNumber, expiry };
  const sealed = await sealCard(card, configuration.encryptionKey, clock.now());
  return paymentBody(
    { card, purpose: 'tokenize', idempotencyKey: PROBE, customerReference: PROBE },
    sealed,
    configuration,
  );
}

function findingsOfProbe(answer: TransportAnswer, configuration: AdyenConfiguration): CheckFinding[] {
  const { code } = readError(answer);
  if (answer.status === 200 || (code !== undefined && OPENED.includes(code))) return [];
  if (code === NOT_OPENED) {
    return [
      finding(
        'encryption_key_unknown',
        'The encryption key is not the one of this merchant account: copy its public key from the Customer Area.',
      ),
    ];
  }
  if (answer.status === 403 || isAboutInteraction(answer)) {
    return [
      finding(
        'moto_not_enabled',
        'The account may not take telephone orders, or the API credential may not make payments: ask Adyen support to enable MOTO.',
      ),
    ];
  }
  return [findingOfRefusal(answer, configuration)];
}

function findingOfRefusal(
  answer: TransportAnswer,
  { merchantAccount, url }: AdyenConfiguration,
): CheckFinding {
  const { code } = readError(answer);
  if (code === NO_SUCH_ACCOUNT) {
    return finding(
      'merchant_account_unknown',
      `The API credential knows no merchant account ${merchantAccount}.`,
    );
  }
  if (answer.status === 401) {
    return finding(
      'authentication_failed',
      `The API key is not valid at ${url.host}: a test key works at the test endpoint only, a live key at the live one.`,
    );
  }
  if (answer.status === 403) {
    return finding(
      'authentication_failed',
      'The API credential may not use Checkout: give it the role Checkout webservice.',
    );
  }
  return finding(
    'configuration_refused',
    `Adyen answered ${answer.status}${code === undefined ? '' : ` with error ${code}`}: the address or the version of the API is wrong.`,
  );
}

/** `Not allowed to change the shopperInteraction` has the code of everything that has none of its own. */
function isAboutInteraction({ body }: TransportAnswer): boolean {
  const message = readJsonObject(body)?.['message'];
  return typeof message === 'string' && message.includes('shopperInteraction');
}

function takesCards(answer: TransportAnswer): boolean {
  const methods = readJsonObject(answer.body)?.['paymentMethods'];
  return (
    Array.isArray(methods) && methods.some((method) => isJsonObject(method) && method['type'] === 'scheme')
  );
}

async function post(transport: Transport, path: string, body: string): Promise<TransportAnswer | undefined> {
  const headers = { 'idempotency-key': `check-${randomUUID()}` };
  return await transport.exchange({ method: 'POST', path, headers, body }).catch(() => undefined);
}

function digits(text: string): SecretBuffer {
  const buffer = new SecretBuffer(text.length);
  buffer.appendBytes(Buffer.from(text, 'ascii'));
  return buffer;
}

function finding(code: CheckFinding['code'], message: string): CheckFinding {
  return { code, message };
}
