import type { Secret } from '../../secrets/secret.ts';
import { Attempts } from '../attempts.ts';
import { exchangeCard, TAKES_CARDS_ONLY } from '../card-exchange.ts';
import type {
  CardDetails,
  CheckFinding,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../contract.ts';
import type { ErrorCodes } from '../error-codes.ts';
import { ProviderError } from '../errors.ts';
import type { ProviderDependencies } from '../kind.ts';
import { Transport } from '../transport/transport.ts';
import { refuseMalformedPayment } from '../well-formed.ts';
import { readTemplateAnswer } from './answer.ts';
import { compileTemplate, type CompiledTemplate } from './compile.ts';
import type { Template } from './template.ts';

const NAME = 'template';

/** A tokenizer keeps cards. To send a request again moves no money, whether it gives the first token or another one. */
const CAPABILITIES: ProviderCapabilities = { ...TAKES_CARDS_ONLY, purposes: ['tokenize'] };

export interface TemplateConfiguration {
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
}

/** A vault-style tokenizer, asked by a declarative template. Throws `template_invalid`. */
export class TemplateProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities = CAPABILITIES;
  readonly #configuration: TemplateConfiguration;
  readonly #compiled: CompiledTemplate;
  readonly #transport: Transport;
  readonly #attempts: Attempts;

  constructor(configuration: TemplateConfiguration, dependencies: ProviderDependencies) {
    const { url, ca, headers, credentials, template } = configuration;
    this.#configuration = configuration;
    this.#compiled = compileTemplate(template);
    this.#transport = new Transport({
      ...dependencies,
      url,
      ...(ca !== undefined && { ca }),
      headers,
      credentials,
    });
    this.#attempts = new Attempts({ ...dependencies, provider: NAME });
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.purpose, () => this.#pay(request));
  }

  modify(): Promise<PaymentOutcome> {
    return Promise.reject(new ProviderError('invalid_request', 'a tokenizer has no payments to change'));
  }

  lookup(): Promise<PaymentOutcome | undefined> {
    return Promise.reject(new ProviderError('unknown_outcome', 'a tokenizer cannot be asked for a request'));
  }

  check(): Promise<readonly CheckFinding[]> {
    return this.#attempts.track(this.#check());
  }

  async close(): Promise<void> {
    await this.#attempts.close();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    const card = cardOf(request);
    const { template, errorCodes, credential } = this.#configuration;
    const { idempotencyKey, reference, customerReference } = request;
    const values = {
      card,
      idempotencyKey,
      ...(reference !== undefined && { reference }),
      ...(customerReference !== undefined && { customerReference }),
    };
    const sent = {
      method: 'POST',
      path: template.request.path,
      headers: this.#compiled.headers(values),
      body: this.#compiled.body(values),
    } as const;
    const answer = await exchangeCard(this.#transport, sent, card, 'the tokenizer');
    return readTemplateAnswer(answer, template.answer, { errorCodes, credential });
  }

  async #check(): Promise<readonly CheckFinding[]> {
    const { method, path, body } = this.#configuration.template.check;
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
