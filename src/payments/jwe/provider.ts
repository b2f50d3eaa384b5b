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
import type { EnvelopeObject } from '../envelope-plaintext.ts';
import { ProviderError } from '../errors.ts';
import type { ProviderDependencies } from '../kind.ts';
import { failureOfExchange, failureOfStatus } from '../transport/failure.ts';
import { refuseMalformedModification, refuseMalformedPayment } from '../well-formed.ts';
import { openAnswer, readOutcome, saysNeverSeen, type ExpectedAnswer } from './answers.ts';
import { checkJwe } from './check.ts';
import { Channel } from './channel.ts';
import type { JweConfiguration } from './configuration.ts';
import { modificationPlaintext, pathOf, paymentPlaintext } from './requests.ts';

const NAME = 'jwe';

/** A provider that takes whole requests as JWE over mutual TLS; how exactly is configuration. */
export class JweProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities: ProviderCapabilities;
  readonly #configuration: JweConfiguration;
  readonly #channel: Channel;
  readonly #attempts: Attempts;

  constructor(configuration: JweConfiguration, dependencies: ProviderDependencies) {
    this.#configuration = configuration;
    this.capabilities = configuration.capabilities;
    this.#channel = new Channel(configuration, dependencies);
    this.#attempts = new Attempts({ ...dependencies, provider: NAME });
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
    return this.#attempts.track(checkJwe(this.#channel, this.#configuration));
  }

  async close(): Promise<void> {
    await this.#attempts.close();
    this.#channel.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    const { card, stored, purpose, idempotencyKey } = request;
    refuseMalformedPayment(request);
    if (!this.capabilities.purposes.includes(purpose))
      throw refused('the provider does not know this purpose');
    if (card?.pin !== undefined) throw refused('the provider takes no PIN');
    if (stored !== undefined && !this.capabilities.storedCards) throw refused('the provider keeps no cards');
    const number = card?.cardNumber;
    const echoes = (text: string): boolean =>
      number !== undefined &&
      number.use(({ buffer, byteOffset, length }) =>
        Buffer.from(text, 'latin1').includes(Buffer.from(buffer, byteOffset, length)),
      );
    return await this.#send(
      pathOf(this.#configuration.paths[purpose] ?? '', { idempotencyKey }),
      paymentPlaintext(request, this.#configuration),
      { idempotencyKey, operation: purpose, echoes },
    );
  }

  async #modify(request: ModificationRequest): Promise<PaymentOutcome> {
    const { modification, idempotencyKey } = request;
    if (!this.capabilities.modifications.includes(modification)) {
      throw refused('the provider does not know this modification');
    }
    refuseMalformedModification(request);
    const outcome = await this.#send(
      pathOf(this.#configuration.paths[modification] ?? '', request),
      modificationPlaintext(request, this.#configuration),
      { idempotencyKey, operation: modification, echoes: () => false },
    );
    // Whatever its code means for a card, this is about the payment.
    return outcome.result === 'declined' ? { ...outcome, reason: 'not_modifiable' } : outcome;
  }

  async #send(path: string, plaintext: EnvelopeObject, expected: ExpectedAnswer): Promise<PaymentOutcome> {
    const answer = await this.#channel
      .post(path, plaintext, expected.idempotencyKey)
      .catch((error: unknown) => {
        throw error instanceof ProviderError ? error : failureOfExchange(error);
      });
    if (answer.status < 200 || answer.status > 299) {
      throw new ProviderError(failureOfStatus(answer.status), `the provider answered ${answer.status}`);
    }
    const object = await openAnswer(answer, this.#configuration.answers);
    const outcome = object && readOutcome(object, this.#configuration.answers, expected);
    if (outcome === undefined) throw unreadable();
    return outcome;
  }

  async #lookup({
    idempotencyKey,
    operation,
    providerReference,
  }: LookupQuery): Promise<PaymentOutcome | undefined> {
    const { paths, answers } = this.#configuration;
    if (paths.lookup === undefined) {
      throw new ProviderError('unknown_outcome', 'the provider cannot be asked: send the same request again');
    }
    const named = { idempotencyKey, ...(providerReference !== undefined && { providerReference }) };
    const answer = await this.#channel
      .get(pathOf(paths.lookup, named), idempotencyKey)
      .catch((error: unknown) => {
        throw new ProviderError('unknown_outcome', 'the provider did not answer', { cause: error });
      });
    const object = await openAnswer(answer, answers);
    if (saysNeverSeen(answer.status, object, answers)) return undefined;
    if (answer.status !== 200) {
      const failure = answer.status === 404 ? 'unknown_outcome' : failureOfStatus(answer.status);
      throw new ProviderError(failure, `the provider answered ${answer.status}`);
    }
    const outcome =
      object && readOutcome(object, answers, { idempotencyKey, operation, echoes: () => false });
    if (outcome === undefined) throw unreadable();
    const modifies = operation === 'capture' || operation === 'void' || operation === 'refund';
    return modifies && outcome.result === 'declined' ? { ...outcome, reason: 'not_modifiable' } : outcome;
  }
}

function refused(message: string): ProviderError {
  return new ProviderError('invalid_request', message);
}

function unreadable(): ProviderError {
  return new ProviderError('unknown_outcome', 'the provider gave an answer that cannot be read');
}
