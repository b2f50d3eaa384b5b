import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Secret } from '../../secrets/secret.ts';
import type { PaymentOutcome, PaymentProvider, PaymentRequest, ProviderCapabilities } from '../contract.ts';
import { sealCardDetails, type EnvelopeRecipient } from '../envelope.ts';
import { ProviderError } from '../errors.ts';
import { encipherPinBlock } from '../pin-block.ts';
import { failureOf, readOutcome, readProblemCode } from './answers.ts';
import { Discovery } from './discovery.ts';
import { Transport, TransportError, type TransportAnswer } from './transport.ts';

const NAME = 'sandbox';
const IDEMPOTENCY_KEY = /^[A-Za-z0-9_.:-]{1,64}$/;

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

class SandboxProvider implements PaymentProvider {
  readonly name = NAME;
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #pinKey: KeyObject | undefined;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: SandboxProviderOptions) {
    this.#pinKey = options.pinKey && parsePinKey(options.pinKey);
    this.#transport = new Transport({ ...options, url: parseUrl(options.url) });
    this.#discovery = new Discovery({ ...options, transport: this.#transport, name: NAME });
    this.#logger = options.logger;
    this.#clock = options.clock;
  }

  /** Reading it makes a provider that could not be asked yet be asked again, in the background. */
  get capabilities(): ProviderCapabilities {
    const { purposes, pin } = this.#closed ? this.#discovery.capabilities : this.#discovery.refreshed();
    return { purposes, pin: pin && this.#pinKey !== undefined };
  }

  /** Never rejects. */
  learnCapabilities(): Promise<void> {
    return this.#track(this.#discovery.learnCapabilities());
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#track(this.#pay(request));
  }

  lookup(idempotencyKey: string): Promise<PaymentOutcome | undefined> {
    return this.#track(this.#lookup(idempotencyKey));
  }

  /** Waits for what is under way, at most its time-outs. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    if (this.#closed) throw new ProviderError('unavailable', 'the provider is closed');
    refuseMalformed(request);
    if (request.card.pin !== undefined) await this.#discovery.learnCapabilities();
    const { purposes, pin } = this.capabilities;
    if (!purposes.includes(request.purpose)) {
      throw new ProviderError('invalid_request', 'the provider does not know this purpose');
    }
    if (request.card.pin !== undefined && !pin) {
      throw new ProviderError('invalid_request', 'the provider takes no PIN');
    }
    const startedMs = this.#clock.monotonicMs();
    try {
      return await this.#send(request);
    } catch (error) {
      const failure = error instanceof ProviderError ? error.failure : 'unknown_outcome';
      this.#logger.warn('a payment has no outcome', {
        provider: NAME,
        purpose: request.purpose,
        reason: failure,
        durationMs: Math.round(this.#clock.monotonicMs() - startedMs),
        error,
      });
      throw error;
    }
  }

  async #send(request: PaymentRequest): Promise<PaymentOutcome> {
    const recipient = await this.#discovery.recipient();
    let answer = await this.#post(request, recipient);
    if (isUnknownKey(answer)) {
      // The provider could not open the envelope, so nothing was processed: seal to its new key, once.
      this.#logger.info('the provider has another envelope key', { provider: NAME });
      answer = await this.#post(request, await this.#discovery.recipientAfter(recipient));
    }
    if (answer.status !== 200) {
      throw new ProviderError(failureOf(answer), `the provider answered ${answer.status}`);
    }
    const outcome = readOutcome(answer, request);
    if (outcome === undefined) {
      throw new ProviderError('unknown_outcome', 'the provider gave an answer that cannot be read');
    }
    return outcome;
  }

  async #post(request: PaymentRequest, recipient: EnvelopeRecipient): Promise<TransportAnswer> {
    const { card, purpose, idempotencyKey, amount, reference } = request;
    const pinBlock = this.#pinBlockOf(request);
    const envelope = await sealCardDetails(card, {
      recipient,
      issuedAt: this.#clock.now(),
      ...(pinBlock !== undefined && { pinBlock }),
    });
    const body = JSON.stringify({
      idempotency_key: idempotencyKey,
      purpose,
      ...(amount !== undefined && { amount: { value: amount.value, currency: amount.currency } }),
      ...(reference !== undefined && { reference }),
      encrypted_card: envelope,
    });
    try {
      return await this.#transport.exchange({
        method: 'POST',
        path: '/v1/payments',
        headers: { 'idempotency-key': idempotencyKey },
        body,
      });
    } catch (error) {
      throw error instanceof TransportError && !error.mayHaveArrived
        ? new ProviderError('unavailable', 'the provider cannot be reached', { cause: error })
        : new ProviderError('unknown_outcome', 'the provider did not answer', { cause: error });
    }
  }

  #pinBlockOf({ card }: PaymentRequest): Buffer | undefined {
    if (card.pin === undefined || this.#pinKey === undefined) return undefined;
    try {
      return encipherPinBlock({ pin: card.pin, cardNumber: card.cardNumber, key: this.#pinKey });
    } catch (error) {
      throw new ProviderError('invalid_request', 'the PIN or the card number is malformed', { cause: error });
    }
  }

  async #lookup(idempotencyKey: string): Promise<PaymentOutcome | undefined> {
    // Whatever fails here, the payment may have been made: never `unavailable`.
    if (this.#closed) throw new ProviderError('unknown_outcome', 'the provider is closed');
    refuseMalformedKey(idempotencyKey);
    const path = `/v1/payments/by-idempotency-key/${encodeURIComponent(idempotencyKey)}`;
    const answer = await this.#transport.exchange({ method: 'GET', path }).catch((error: unknown) => {
      throw new ProviderError('unknown_outcome', 'the provider did not answer', { cause: error });
    });
    // Only the provider's own word counts: a proxy's 404 must not let a payment be sent again.
    if (answer.status === 404 && readProblemCode(answer) === 'payment_not_found') return undefined;
    if (answer.status !== 200) {
      const failure = failureOf(answer);
      throw new ProviderError(
        failure === 'unavailable' ? 'unknown_outcome' : failure,
        `the provider answered ${answer.status}`,
      );
    }
    const outcome = readOutcome(answer, { idempotencyKey });
    if (outcome === undefined) {
      throw new ProviderError('unknown_outcome', 'the provider gave an answer that cannot be read');
    }
    return outcome;
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const forget = (): void => void this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }
}

function isUnknownKey(answer: TransportAnswer): boolean {
  return answer.status === 400 && readProblemCode(answer) === 'unknown_key';
}

function refuseMalformed({ idempotencyKey, purpose, amount }: PaymentRequest): void {
  refuseMalformedKey(idempotencyKey);
  if ((amount === undefined) !== (purpose === 'tokenize')) {
    throw new ProviderError('invalid_request', 'an amount goes with every purpose but tokenize');
  }
}

function refuseMalformedKey(idempotencyKey: string): void {
  if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
    throw new ProviderError('invalid_request', 'an idempotency key has 1 to 64 letters, digits or _ . : -');
  }
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
