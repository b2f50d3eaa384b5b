import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Secret } from '../../secrets/secret.ts';
import type {
  CardDetails,
  CheckFinding,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../contract.ts';
import { refuseEcho } from '../echo.ts';
import type { ErrorCodes } from '../error-codes.ts';
import { ProviderError } from '../errors.ts';
import { failureOfExchange } from '../transport/failure.ts';
import { Transport, type TransportAnswer } from '../transport/transport.ts';
import { UnderWay } from '../transport/under-way.ts';
import { refuseMalformedPayment } from '../well-formed.ts';
import { readTemplateAnswer } from './answer.ts';
import { compileTemplate, type CompiledTemplate } from './compile.ts';
import type { Template } from './template.ts';

const NAME = 'template';

/** A tokenizer keeps cards. To send a request again moves no money, whether it gives the first token or another one. */
const CAPABILITIES: ProviderCapabilities = {
  purposes: ['tokenize'],
  modifications: [],
  partialAmounts: false,
  storedCards: false,
  pin: false,
  recovery: 'replay',
  absenceProvenAfterMs: 24 * 60 * 60_000, // never asked: a look-up proves nothing here
};

export interface TemplateOptions {
  readonly template: Template;
  readonly url: URL;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The header that authenticates, as the template says. */
  readonly credentials: Readonly<Record<string, Secret>>;
  /** What is secret of that: an answer that repeats it is not quoted. */
  readonly credential: Secret;
  /** PEM: who signs the tokenizer's certificate. Absent: the system's authorities. */
  readonly ca?: string;
  /** Beside those of the template, and before them. */
  readonly errorCodes: ErrorCodes;
  readonly timeoutMs: number;
  /** Whether an IP address may be connected to. By default any. */
  readonly allowAddress?: (address: string) => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A vault-style tokenizer, asked by a declarative template. Throws `template_invalid`. */
export class TemplateProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities = CAPABILITIES;
  readonly #options: TemplateOptions;
  readonly #compiled: CompiledTemplate;
  readonly #transport: Transport;
  readonly #underWay = new UnderWay();
  #closed = false;

  constructor(options: TemplateOptions) {
    const { url, ca, headers, credentials, timeoutMs, clock, template, allowAddress } = options;
    this.#options = options;
    this.#compiled = compileTemplate(template);
    this.#transport = new Transport({
      url,
      ...(ca !== undefined && { ca }),
      headers,
      credentials,
      timeoutMs,
      clock,
      ...(allowAddress !== undefined && { allowAddress }),
    });
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#underWay.track(this.#pay(request));
  }

  modify(): Promise<PaymentOutcome> {
    return Promise.reject(new ProviderError('invalid_request', 'a tokenizer has no payments to change'));
  }

  lookup(): Promise<PaymentOutcome | undefined> {
    return Promise.reject(new ProviderError('unknown_outcome', 'a tokenizer cannot be asked for a request'));
  }

  check(): Promise<readonly CheckFinding[]> {
    return this.#underWay.track(this.#check());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay.settled();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    if (this.#closed) throw new ProviderError('unavailable', 'the provider is closed');
    const card = cardOf(request);
    const { template, errorCodes, credential, logger, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      const answer = await this.#send(request, card);
      refuseEcho(answer.body, card);
      return readTemplateAnswer(answer, template.answer, { errorCodes, credential });
    } catch (error) {
      logger.warn('a payment has no outcome', {
        provider: NAME,
        purpose: request.purpose,
        reason: error instanceof ProviderError ? error.failure : 'unknown_outcome',
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        error,
      });
      throw error;
    }
  }

  async #send(request: PaymentRequest, card: CardDetails): Promise<TransportAnswer> {
    const { idempotencyKey, reference, customerReference } = request;
    const values = {
      card,
      idempotencyKey,
      ...(reference !== undefined && { reference }),
      ...(customerReference !== undefined && { customerReference }),
    };
    try {
      return await this.#transport.exchange({
        method: 'POST',
        path: this.#options.template.request.path,
        headers: this.#compiled.headers(values),
        body: this.#compiled.body(values),
      });
    } catch (error) {
      throw failureOfExchange(error, 'the tokenizer');
    }
  }

  async #check(): Promise<readonly CheckFinding[]> {
    const { method, path, body } = this.#options.template.check;
    try {
      const { status } = await this.#transport.exchange({
        method,
        path,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (status === 401 || status === 403) {
        return [{ code: 'authentication_failed', message: 'The tokenizer refuses the credential.' }];
      }
      if (status !== 404) return [];
      return [
        { code: 'configuration_refused', message: 'What answers at the address is not this tokenizer.' },
      ];
    } catch {
      return [{ code: 'unreachable', message: 'The tokenizer does not answer at its address.' }];
    }
  }
}

function cardOf(request: PaymentRequest): CardDetails {
  refuseMalformedPayment(request);
  const { purpose, card } = request;
  if (purpose !== 'tokenize') throw new ProviderError('invalid_request', 'a tokenizer only keeps cards');
  if (card === undefined) throw new ProviderError('invalid_request', 'the card is kept already');
  if (card.pin !== undefined) throw new ProviderError('invalid_request', 'a tokenizer takes no PIN');
  return card;
}
