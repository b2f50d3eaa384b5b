import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { Secret } from '../../secrets/secret.ts';
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
import { failureOfExchange, failureOfStatus } from '../transport/failure.ts';
import { Transport, type TransportAnswer } from '../transport/transport.ts';
import { UnderWay } from '../transport/under-way.ts';
import { refuseMalformedPayment } from '../well-formed.ts';
import { readConnectorAnswer } from './answer.ts';
import { connectorBody, type YearDigits } from './request.ts';

const NAME = 'connector';

/** The contract between voice platforms and connectors: whoever asks waits ten seconds. */
const TIMEOUT_MS = 10_000;

/**
 * What the contract has: no authorization without a charge, nothing that changes a payment, and no question what became
 * of one. The same `transaction_id` gives the first answer.
 */
const CAPABILITIES: ProviderCapabilities = {
  purposes: ['charge', 'tokenize'],
  modifications: [],
  partialAmounts: false,
  storedCards: false,
  pin: false,
  recovery: 'replay',
  absenceProvenAfterMs: 24 * 60 * 60_000, // never asked: a look-up proves nothing here
};

export interface ConnectorOptions {
  /** The one address that everything is posted to, `https:`. */
  readonly url: URL;
  readonly username: string;
  readonly password: Secret;
  /** PEM: who signs the connector's certificate. Absent: the system's authorities. */
  readonly ca?: string;
  readonly errorCodes: ErrorCodes;
  readonly yearDigits: YearDigits;
  readonly parameters: Readonly<Record<string, string>>;
  /** Ten seconds at most. */
  readonly timeoutMs: number;
  /** Whether an IP address may be connected to. By default any. */
  readonly allowAddress?: (address: string) => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A gateway behind a generic pay connector: the contract that voice platforms post card details by. */
export class ConnectorProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities = CAPABILITIES;
  readonly #options: ConnectorOptions;
  readonly #transport: Transport;
  readonly #underWay = new UnderWay();
  #closed = false;

  /** Throws what `Transport` throws for an address or a certificate that cannot be used. */
  constructor(options: ConnectorOptions) {
    const { url, username, password, ca, clock, timeoutMs, allowAddress } = options;
    const basic = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
    this.#options = options;
    this.#transport = new Transport({
      url,
      ...(ca !== undefined && { ca }),
      credentials: { authorization: new Secret(`Basic ${basic}`) },
      timeoutMs: Math.min(timeoutMs, TIMEOUT_MS),
      clock,
      ...(allowAddress !== undefined && { allowAddress }),
    });
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#underWay.track(this.#pay(request));
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
    return this.#underWay.track(this.#check());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay.settled();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    if (this.#closed) throw new ProviderError('unavailable', 'the provider is closed');
    const purpose = purposeOf(request);
    const { card } = request;
    if (card === undefined) throw new ProviderError('invalid_request', 'a connector keeps no cards for us');
    const { errorCodes, logger, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      const answer = await this.#post({ ...request, card });
      refuseEcho(answer.body, card);
      if (answer.status !== 200) {
        throw new ProviderError(failureOfStatus(answer.status), `the connector answered ${answer.status}`);
      }
      const outcome = readConnectorAnswer(answer.body, { purpose, errorCodes });
      if (outcome !== undefined) return outcome;
      throw new ProviderError('unknown_outcome', 'the connector gave an answer that cannot be read');
    } catch (error) {
      logger.warn('a payment has no outcome', {
        provider: NAME,
        purpose,
        reason: error instanceof ProviderError ? error.failure : 'unknown_outcome',
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        error,
      });
      throw error;
    }
  }

  async #post(request: PaymentRequest & { readonly card: CardDetails }): Promise<TransportAnswer> {
    try {
      return await this.#transport.exchange({
        method: 'POST',
        path: '',
        body: connectorBody(request, this.#options),
      });
    } catch (error) {
      throw failureOfExchange(error, 'the connector');
    }
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

function purposeOf(request: PaymentRequest): 'charge' | 'tokenize' {
  refuseMalformedPayment(request);
  const { purpose, card } = request;
  if (purpose !== 'charge' && purpose !== 'tokenize') {
    throw new ProviderError('invalid_request', 'a connector charges or tokenizes');
  }
  if (card?.pin !== undefined) throw new ProviderError('invalid_request', 'a connector takes no PIN');
  return purpose;
}
