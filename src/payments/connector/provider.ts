import { Secret } from '../../secrets/secret.ts';
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
import { failureOfStatus } from '../transport/failure.ts';
import { Transport } from '../transport/transport.ts';
import { refuseMalformedPayment } from '../well-formed.ts';
import { readConnectorAnswer } from './answer.ts';
import { connectorBody, type ConnectorBodyOptions } from './request.ts';

const NAME = 'connector';

/** The contract between voice platforms and connectors: whoever asks waits ten seconds. */
const TIMEOUT_MS = 10_000;

/**
 * What the contract has: no authorization without a charge, nothing that changes a payment, and no question what became
 * of one. The same `transaction_id` gives the first answer.
 */
const CAPABILITIES: ProviderCapabilities = { ...TAKES_CARDS_ONLY, purposes: ['charge', 'tokenize'] };

export interface ConnectorConfiguration extends ConnectorBodyOptions {
  /** The one address that everything is posted to, `https:`. */
  readonly url: URL;
  readonly username: string;
  readonly password: Secret;
  /** PEM: who signs the connector's certificate. Absent: the system's authorities. */
  readonly ca?: string;
  readonly errorCodes: ErrorCodes;
}

/** A gateway behind a generic pay connector: the contract that voice platforms post card details by. */
export class ConnectorProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities = CAPABILITIES;
  readonly #configuration: ConnectorConfiguration;
  readonly #transport: Transport;
  readonly #attempts: Attempts;

  /** Throws what `Transport` throws for an address or a certificate that cannot be used. */
  constructor(configuration: ConnectorConfiguration, dependencies: ProviderDependencies) {
    const { url, username, password, ca } = configuration;
    const basic = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
    this.#configuration = configuration;
    this.#transport = new Transport({
      ...dependencies,
      url,
      ...(ca !== undefined && { ca }),
      credentials: { authorization: new Secret(`Basic ${basic}`) },
      timeoutMs: Math.min(dependencies.timeoutMs, TIMEOUT_MS),
    });
    this.#attempts = new Attempts({ ...dependencies, provider: NAME });
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.purpose, () => this.#pay(request));
  }

  modify(): Promise<PaymentOutcome> {
    return Promise.reject(new ProviderError('invalid_request', 'a connector does not change payments'));
  }

  /** The contract has no such question: the same request is to be sent again instead. */
  lookup(): Promise<PaymentOutcome | undefined> {
    return Promise.reject(new ProviderError('unknown_outcome', 'a connector cannot be asked for a payment'));
  }

  /**
   * A GET of the address, which no connector takes for a payment: whatever it answers, it is there, and a wrong
   * password is told before anything else.
   */
  check(): Promise<readonly CheckFinding[]> {
    return this.#attempts.track(this.#check());
  }

  async close(): Promise<void> {
    await this.#attempts.close();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    const { purpose, card } = takenBy(request);
    const body = connectorBody(request, card, this.#configuration);
    const sent = { method: 'POST', path: '', body } as const;
    const answer = await exchangeCard(this.#transport, sent, card, 'the connector');
    if (answer.status !== 200) {
      throw new ProviderError(failureOfStatus(answer.status), `the connector answered ${answer.status}`);
    }
    const { errorCodes } = this.#configuration;
    const outcome = readConnectorAnswer(answer.body, { purpose, errorCodes });
    if (outcome !== undefined) return outcome;
    throw new ProviderError('unknown_outcome', 'the connector gave an answer that cannot be read');
  }

  async #check(): Promise<readonly CheckFinding[]> {
    try {
      const { status } = await this.#transport.exchange({ method: 'GET', path: '' });
      return status === 401 || status === 403
        ? [{ code: 'authentication_failed', message: 'The connector refuses the user name or the password.' }]
        : [];
    } catch {
      return [{ code: 'unreachable', message: 'The connector does not answer at its address.' }];
    }
  }
}

function takenBy(request: PaymentRequest): { purpose: 'charge' | 'tokenize'; card: CardDetails } {
  refuseMalformedPayment(request);
  const { purpose, card } = request;
  if (purpose !== 'charge' && purpose !== 'tokenize') {
    throw new ProviderError('invalid_request', 'a connector charges or tokenizes');
  }
  if (card === undefined) throw new ProviderError('invalid_request', 'a connector keeps no cards for us');
  if (card.pin !== undefined) throw new ProviderError('invalid_request', 'a connector takes no PIN');
  return { purpose, card };
}
