import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { Attempts } from '../attempts.ts';
import type {
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../contract.ts';
import { refuseEcho } from '../echo.ts';
import { ProviderError } from '../errors.ts';
import type { ProviderDependencies } from '../kind.ts';
import { exchangeWith } from '../transport/exchange.ts';
import { Transport, type TransportAnswer } from '../transport/transport.ts';
import { refuseMalformedModification, refuseMalformedPayment } from '../well-formed.ts';
import { readModification, readPayment, type PartialAuthorisation } from './answers.ts';
import { checkAdyen } from './check.ts';
import type { AdyenConfiguration } from './configuration.ts';
import { sealCard, sealSecurityCode } from './envelope.ts';
import { declineOf } from './errors.ts';
import { amountOf, modification, paymentBody, referenceOf, reversalBody } from './requests.ts';

const NAME = 'adyen';

/** Adyen gives the first answer again for at least 31 days. */
const KEYS_KEPT_MS = 31 * 24 * 60 * 60_000;

/** Of a payment; also what stands in the address of a modification. */
const PSP_REFERENCE = /^[A-Z0-9]{16}$/;

/** Of a card that Adyen keeps (`storedPaymentMethodId`). */
const STORED_ID = /^[A-Z0-9]{16}$/;

const CAPABILITIES: ProviderCapabilities = {
  purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
  modifications: ['capture', 'void', 'refund'],
  partialAmounts: true,
  storedCards: true,
  pin: false,
  // The API finds no payment by a reference or a key; the same key gives the first answer.
  recovery: 'replay',
  // A look-up never proves anything here; after this long the key itself may be forgotten.
  absenceProvenAfterMs: KEYS_KEPT_MS,
};

/** Adyen Checkout. Cards leave as a JWE that only Adyen can open, so no secret digit is in a request as such. */
export class AdyenProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities = CAPABILITIES;
  readonly #configuration: AdyenConfiguration;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #attempts: Attempts;

  constructor(configuration: AdyenConfiguration, dependencies: ProviderDependencies) {
    const { url, ca, apiKey } = configuration;
    this.#configuration = configuration;
    this.#transport = new Transport({
      ...dependencies,
      url,
      ...(ca !== undefined && { ca }),
      credentials: { 'x-api-key': apiKey },
    });
    this.#clock = dependencies.clock;
    this.#attempts = new Attempts({ ...dependencies, provider: NAME });
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.purpose, () => this.#pay(request));
  }

  modify(request: ModificationRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.modification, () => this.#modify(request));
  }

  lookup(_query: LookupQuery): Promise<PaymentOutcome | undefined> {
    return Promise.reject(
      new ProviderError('unknown_outcome', 'Adyen cannot be asked: send the same request under the same key'),
    );
  }

  check(): Promise<readonly CheckFinding[]> {
    return this.#attempts.track(checkAdyen(this.#transport, this.#configuration, this.#clock));
  }

  async close(): Promise<void> {
    await this.#attempts.close();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    refuseMalformedPayment(request);
    refuseForeign(request);
    const expected = {
      reference: referenceOf(request),
      amount: amountOf(request, this.#configuration),
      saves: request.purpose === 'tokenize' || request.purpose === 'charge_and_save',
    };
    const body = paymentBody(request, await this.#sealed(request), this.#configuration);
    const answer = await this.#post('/payments', request.idempotencyKey, body);
    if (request.card !== undefined) refuseEcho(answer.body, request.card);
    if (answer.status !== 200) return declineOf(answer, 'pay');
    const outcome = readPayment(answer, expected);
    if (outcome === undefined) throw unreadable();
    if (outcome.result === 'partial') return await this.#giveBack(outcome, request.idempotencyKey);
    if (
      request.purpose === 'tokenize' &&
      outcome.result === 'succeeded' &&
      outcome.providerToken === undefined
    ) {
      // Nothing was taken; without its token the card cannot be used.
      throw new ProviderError(
        'invalid_request',
        'Adyen gave no token: switch on "Recurring details" in the additional data of API responses',
      );
    }
    return outcome;
  }

  /** What is sealed: the whole card, or the code that was keyed for a card that Adyen keeps. */
  async #sealed({ card, stored }: PaymentRequest): Promise<string | undefined> {
    const { encryptionKey } = this.#configuration;
    const now = this.#clock.now();
    if (card !== undefined) return await sealCard(card, encryptionKey, now);
    return stored.securityCode && (await sealSecurityCode(stored.securityCode, encryptionKey, now));
  }

  async #modify(request: ModificationRequest): Promise<PaymentOutcome> {
    refuseMalformedModification(request);
    if (!PSP_REFERENCE.test(request.providerReference)) {
      throw new ProviderError('invalid_request', 'this is no reference of a payment at Adyen');
    }
    const { path, body } = modification(request, this.#configuration);
    const answer = await this.#post(
      `/payments/${request.providerReference}/${path}`,
      request.idempotencyKey,
      body,
    );
    if (answer.status !== 200 && answer.status !== 201) return declineOf(answer, 'modify');
    const outcome = readModification(answer, request.providerReference);
    if (outcome === undefined) throw unreadable();
    return outcome;
  }

  /** Under a key of its own, so that a repetition of the payment gives it back no second time. */
  async #giveBack({ providerReference }: PartialAuthorisation, paymentKey: string): Promise<PaymentOutcome> {
    const key = createHash('sha256').update(`reversal of ${paymentKey}`).digest('base64url');
    const body = reversalBody(key, this.#configuration);
    const answer = await this.#post(`/payments/${providerReference}/reversals`, key, body);
    const reversed = answer.status === 200 || answer.status === 201;
    if (!reversed || readModification(answer, providerReference) === undefined) {
      throw new ProviderError(
        'unknown_outcome',
        'Adyen authorised a part only, and did not say that it gives it back',
      );
    }
    return {
      result: 'declined',
      reason: 'insufficient_funds',
      rawCode: 'PartiallyAuthorised',
      providerReference,
    };
  }

  async #post(path: string, idempotencyKey: string, body: string): Promise<TransportAnswer> {
    const headers = { 'idempotency-key': idempotencyKey };
    return await exchangeWith(this.#transport, { method: 'POST', path, headers, body }, 'Adyen');
  }
}

/** What Adyen does not take, beside what no provider does. */
function refuseForeign({ purpose, card, stored }: PaymentRequest): void {
  if (card?.pin !== undefined) throw new ProviderError('invalid_request', 'Adyen takes no PIN');
  if (stored !== undefined && purpose !== 'charge' && purpose !== 'authorize') {
    throw new ProviderError('invalid_request', 'a card that Adyen keeps is not kept again');
  }
  if (stored !== undefined && !STORED_ID.test(stored.providerToken)) {
    throw new ProviderError('invalid_request', 'this is no token of a card at Adyen');
  }
}

function unreadable(): ProviderError {
  return new ProviderError('unknown_outcome', 'Adyen gave an answer that decides nothing or cannot be read');
}
