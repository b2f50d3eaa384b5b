import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { ProviderCapabilities } from '../contract.ts';
import type { EnvelopeRecipient } from '../envelope.ts';
import { ProviderError } from '../errors.ts';
import { ALL_MODIFICATIONS, ALL_PURPOSES, failureOf, readCapabilities } from './answers.ts';
import { readRecipient } from './envelope-keys.ts';
import type { Transport, TransportAnswer } from '../transport/transport.ts';

/** How long a provider that did not tell its capabilities is left alone before it is asked again. */
const ASK_AGAIN_AFTER_MS = 5_000;

/** Until the provider has said what it can do. Without `pin`: a PIN is never taken on a guess. */
const ASSUMED_CAPABILITIES: ProviderCapabilities = {
  purposes: ALL_PURPOSES,
  modifications: ALL_MODIFICATIONS,
  partialAmounts: true,
  storedCards: true,
  pin: false,
  recovery: 'lookup',
  absenceProvenAfterMs: 60 * 60_000, // long: it is a promise of the provider's, and none was made yet
};

export interface DiscoveryOptions {
  /** For the log. */
  readonly name: string;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** What the provider publishes of itself: its capabilities and its envelope key, each fetched once and kept. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  #capabilities: ProviderCapabilities | undefined;
  #learning: Promise<void> | undefined;
  #askAgainAtMs = 0;
  #recipient: Promise<EnvelopeRecipient> | undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  get capabilities(): ProviderCapabilities {
    return this.#capabilities ?? ASSUMED_CAPABILITIES;
  }

  /** The capabilities as far as known; asks again in the background when they are not, and it is time to. */
  refreshed(): ProviderCapabilities {
    if (this.#options.clock.monotonicMs() >= this.#askAgainAtMs) void this.learnCapabilities();
    return this.capabilities;
  }

  /** Resolves when the provider was asked, with or without success. Never rejects. */
  async learnCapabilities(): Promise<void> {
    if (this.#capabilities !== undefined) return;
    this.#learning ??= this.#askCapabilities().finally(() => (this.#learning = undefined));
    await this.#learning;
  }

  /**
   * The key that card details are sealed to. Rejects with a `ProviderError` that says that nothing of a payment was
   * sent: `unavailable`, `authentication` or `rate_limited`.
   */
  async recipient(): Promise<EnvelopeRecipient> {
    this.#recipient ??= this.#fetchRecipient();
    const fetching = this.#recipient;
    try {
      return await fetching;
    } catch (error) {
      if (this.#recipient === fetching) this.#recipient = undefined;
      throw error;
    }
  }

  /** The key that came after `refused`, which the provider does not know any more. */
  async recipientAfter(refused: EnvelopeRecipient): Promise<EnvelopeRecipient> {
    // Payments that run side by side are all refused: only the first of them fetches.
    if ((await this.recipient()) === refused) this.#recipient = undefined;
    return this.recipient();
  }

  async #askCapabilities(): Promise<void> {
    const { name, clock, logger } = this.#options;
    try {
      const answer = await this.#get('/v1/capabilities');
      this.#capabilities = readCapabilities(answer);
      if (this.#capabilities === undefined) {
        throw new ProviderError('unavailable', 'the provider gave capabilities that cannot be read');
      }
    } catch (error) {
      this.#askAgainAtMs = clock.monotonicMs() + ASK_AGAIN_AFTER_MS;
      logger.warn('the provider did not tell its capabilities', { provider: name, error });
    }
  }

  async #fetchRecipient(): Promise<EnvelopeRecipient> {
    const answer = await this.#get('/v1/keys');
    const recipient = await readRecipient(answer).catch(() => undefined);
    if (recipient === undefined)
      throw new ProviderError('unavailable', 'the provider published no usable key');
    return recipient;
  }

  async #get(path: string): Promise<TransportAnswer> {
    const answer = await this.#options.transport.exchange({ method: 'GET', path }).catch((error: unknown) => {
      throw new ProviderError('unavailable', 'the provider did not answer', { cause: error });
    });
    if (answer.status === 200) return answer;
    const failure = failureOf(answer);
    throw new ProviderError(
      failure === 'authentication' || failure === 'rate_limited' ? failure : 'unavailable',
      `the provider answered ${answer.status}`,
    );
  }
}
