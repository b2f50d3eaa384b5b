import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Secret } from '../../secrets/secret.ts';
import { Attempts } from '../attempts.ts';
import type {
  CardDetails,
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../contract.ts';
import { sealCardDetails, type EnvelopeRecipient } from '../envelope.ts';
import { ProviderError } from '../errors.ts';
import { encipherPinBlock } from '../pin-block.ts';
import { exchangeWith } from '../transport/exchange.ts';
import { Transport, type TransportAnswer } from '../transport/transport.ts';
import { refuseMalformedKey, refuseMalformedModification, refuseMalformedPayment } from '../well-formed.ts';
import { failureOf, readOutcome, readProblemCode, type ExpectedOutcome } from './answers.ts';
import { checkSandbox } from './check.ts';
import { Discovery } from './discovery.ts';

const NAME = 'sandbox';
const PAYMENT_REFERENCE = /^[A-Za-z0-9_]{1,64}$/;
const MODIFICATION_PATHS = { capture: 'captures', void: 'voids', refund: 'refunds' } as const;

export interface SandboxProviderOptions {
  /** The provider's origin, `https:`. */
  readonly url: string;
  /** PEM: who signs the provider's certificate. */
  readonly ca: string;
  /** PEM: the certificate that this gateway shows, and its private key. */
  readonly clientCert: string;
  readonly clientKey: Secret;
  /** The AES key agreed for PIN blocks, 32 or 64 hexadecimal digits. Without it no PIN is taken. */
  readonly pinKey?: Secret;
  /** For each exchange with the provider. */
  readonly timeoutMs: number;
  /** Whether an IP address may be connected to. By default any. */
  readonly allowAddress?: (address: string) => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Connects to a sandbox provider and asks what it can do. A provider that is down does not stop the gateway: it is
 * then taken to have no PIN support and asked again later. Rejects with `provider_configuration` for an address that
 * is not `https:`, and with `pin_key_invalid`.
 */
export async function connectSandboxProvider(options: SandboxProviderOptions): Promise<PaymentProvider> {
  const provider = new SandboxProvider(options);
  await provider.learnCapabilities();
  return provider;
}

export class SandboxProvider implements PaymentProvider {
  readonly name = NAME;
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #pinKey: KeyObject | undefined;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #attempts: Attempts;

  constructor(options: SandboxProviderOptions) {
    this.#pinKey = options.pinKey && parsePinKey(options.pinKey);
    this.#transport = new Transport({ ...options, url: parseUrl(options.url) });
    this.#discovery = new Discovery({ ...options, transport: this.#transport, name: NAME });
    this.#logger = options.logger;
    this.#clock = options.clock;
    this.#attempts = new Attempts({ ...options, provider: NAME });
  }

  /** Reading it makes a provider that could not be asked yet be asked again, in the background. */
  get capabilities(): ProviderCapabilities {
    const known = this.#attempts.closed ? this.#discovery.capabilities : this.#discovery.refreshed();
    return { ...known, pin: known.pin && this.#pinKey !== undefined };
  }

  /** Never rejects. */
  learnCapabilities(): Promise<void> {
    return this.#attempts.track(this.#discovery.learnCapabilities());
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.purpose, () => this.#pay(request));
  }

  modify(request: ModificationRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.modification, () => this.#modify(request));
  }

  lookup(query: LookupQuery): Promise<PaymentOutcome | undefined> {
    return this.#attempts.ask(() => this.#lookup(query));
  }

  check(): Promise<readonly CheckFinding[]> {
    return this.#attempts.track(checkSandbox(this.#transport));
  }

  async close(): Promise<void> {
    await this.#attempts.close();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    refuseMalformedPayment(request);
    const withPin = request.card?.pin !== undefined;
    if (withPin) await this.#discovery.learnCapabilities();
    const { purposes, pin } = this.capabilities;
    if (!purposes.includes(request.purpose)) {
      throw new ProviderError('invalid_request', 'the provider does not know this purpose');
    }
    if (withPin && !pin) throw new ProviderError('invalid_request', 'the provider takes no PIN');
    return await this.#send(request);
  }

  async #modify(request: ModificationRequest): Promise<PaymentOutcome> {
    const { modification, idempotencyKey, providerReference, amount, reference } = request;
    refuseMalformedModification(request);
    if (!this.capabilities.modifications.includes(modification)) {
      throw new ProviderError('invalid_request', 'the provider does not know this modification');
    }
    if (!PAYMENT_REFERENCE.test(providerReference)) {
      throw new ProviderError('invalid_request', 'the reference is none that the provider gives');
    }
    const path = `/v1/payments/${providerReference}/${MODIFICATION_PATHS[modification]}`;
    const body = {
      idempotency_key: idempotencyKey,
      ...(amount !== undefined && { amount: { value: amount.value, currency: amount.currency } }),
      ...(reference !== undefined && { reference }),
    };
    const answer = await this.#exchange(path, idempotencyKey, body);
    return outcomeOf(answer, { idempotencyKey, operation: modification });
  }

  async #send(request: PaymentRequest): Promise<PaymentOutcome> {
    const expected = { idempotencyKey: request.idempotencyKey, operation: request.purpose };
    if (request.stored !== undefined && request.stored.securityCode === undefined) {
      const token = { token: request.stored.providerToken };
      return outcomeOf(await this.#post(request, token), expected);
    }
    const recipient = await this.#discovery.recipient();
    let answer = await this.#post(request, await this.#sealed(request, recipient));
    if (isUnknownKey(answer)) {
      // The provider could not open the envelope, so nothing was processed: seal to its new key, once.
      this.#logger.info('the provider has another envelope key', { provider: NAME });
      const next = await this.#discovery.recipientAfter(recipient);
      answer = await this.#post(request, await this.#sealed(request, next));
    }
    return outcomeOf(answer, expected);
  }

  /** The members of the request that name the card. */
  async #sealed(request: PaymentRequest, recipient: EnvelopeRecipient): Promise<Record<string, string>> {
    try {
      return await this.#sealedDetails(request, recipient);
    } catch (error) {
      // Nothing was sent; a secret that was wiped is told like one that is malformed.
      if (error instanceof ProviderError) throw error;
      throw new ProviderError('invalid_request', 'the card details are malformed', { cause: error });
    }
  }

  async #sealedDetails(
    request: PaymentRequest,
    recipient: EnvelopeRecipient,
  ): Promise<Record<string, string>> {
    const options = { recipient, issuedAt: this.#clock.now() };
    if (request.stored !== undefined) {
      const { providerToken, securityCode } = request.stored;
      const code = await sealCardDetails({ ...(securityCode && { securityCode }) }, options);
      return { token: providerToken, encrypted_security_code: code };
    }
    const pinBlock = this.#pinBlockOf(request.card);
    const envelope = await sealCardDetails(request.card, {
      ...options,
      ...(pinBlock !== undefined && { pinBlock }),
    });
    return { encrypted_card: envelope };
  }

  #post(request: PaymentRequest, card: Record<string, string>): Promise<TransportAnswer> {
    const { purpose, idempotencyKey, amount, reference, customerReference, initiatedBy } = request;
    return this.#exchange('/v1/payments', idempotencyKey, {
      idempotency_key: idempotencyKey,
      purpose,
      ...(amount !== undefined && { amount: { value: amount.value, currency: amount.currency } }),
      ...(reference !== undefined && { reference }),
      ...(customerReference !== undefined && { customer_reference: customerReference }),
      ...(initiatedBy === 'merchant' && { initiated_by: initiatedBy }),
      ...card,
    });
  }

  async #exchange(path: string, idempotencyKey: string, body: object): Promise<TransportAnswer> {
    const headers = { 'idempotency-key': idempotencyKey };
    return await exchangeWith(this.#transport, {
      method: 'POST',
      path,
      headers,
      body: JSON.stringify(body),
    });
  }

  #pinBlockOf(card: CardDetails): Buffer | undefined {
    if (card.pin === undefined || this.#pinKey === undefined) return undefined;
    try {
      return encipherPinBlock({ pin: card.pin, cardNumber: card.cardNumber, key: this.#pinKey });
    } catch (error) {
      throw new ProviderError('invalid_request', 'the PIN or the card number is malformed', { cause: error });
    }
  }

  async #lookup({ idempotencyKey, operation }: LookupQuery): Promise<PaymentOutcome | undefined> {
    refuseMalformedKey(idempotencyKey);
    const path = `/v1/payments/by-idempotency-key/${encodeURIComponent(idempotencyKey)}`;
    const answer = await exchangeWith(this.#transport, { method: 'GET', path });
    // Only the provider's own word counts: a proxy's 404 must not let a payment be sent again.
    if (answer.status === 404 && readProblemCode(answer) === 'payment_not_found') return undefined;
    return outcomeOf(answer, { idempotencyKey, operation });
  }
}

function outcomeOf(answer: TransportAnswer, expected: ExpectedOutcome): PaymentOutcome {
  if (answer.status !== 200) {
    throw new ProviderError(failureOf(answer), `the provider answered ${answer.status}`);
  }
  const outcome = readOutcome(answer, expected);
  if (outcome !== undefined) return outcome;
  throw new ProviderError('unknown_outcome', 'the provider gave an answer that cannot be read');
}

function isUnknownKey(answer: TransportAnswer): boolean {
  return answer.status === 400 && readProblemCode(answer) === 'unknown_key';
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') {
    throw new HushtoneError('provider_configuration', 'internal', 'the provider needs an https: address');
  }
  return url;
}

function parsePinKey(pinKey: Secret): KeyObject {
  const hex = pinKey.reveal();
  if (!/^(?:[0-9a-f]{32}|[0-9a-f]{64})$/i.test(hex)) {
    throw new HushtoneError('pin_key_invalid', 'internal', 'a PIN key has 32 or 64 hexadecimal digits');
  }
  return createSecretKey(Buffer.from(hex, 'hex'));
}
