import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { vi } from 'vitest';
import type { LedgerEntry, SeenRequest } from '../../../simulators/doubles/contract.ts';
import { systemClock, type Clock } from '../../../src/kernel/clock.ts';
import { createLogger, type Logger } from '../../../src/kernel/logger.ts';
import type {
  Amount,
  CardDetails,
  LookupQuery,
  Modification,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderFailure,
  Purpose,
} from '../../../src/payments/contract.ts';
import { ProviderError } from '../../../src/payments/errors.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import type { ConformanceDouble, ConformanceSubject, ConnectWishes } from './subject.ts';

export const AMOUNT: Amount = { value: 1250, currency: 'EUR' };
const APPROVED = '4242424242424242';
const TIMEOUT_MS = 30_000;

/** It is told as such, and nothing has reached the double. */
export const REFUSED: { readonly failure: ProviderFailure; readonly sent: number; readonly done: number } = {
  failure: 'invalid_request',
  sent: 0,
  done: 0,
};

/** A clock whose timers fall due when a test says so; otherwise it is the system's. */
export class PatientClock implements Clock {
  readonly #pending = new Set<() => void>();

  now(): Date {
    return systemClock.now();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  after(_delayMs: number, callback: () => void): { cancel(): void } {
    this.#pending.add(callback);
    return { cancel: () => void this.#pending.delete(callback) };
  }

  runOut(): void {
    const due = [...this.#pending];
    this.#pending.clear();
    for (const callback of due) callback();
  }
}

export interface CardText {
  readonly cardNumber: string;
  readonly expiry: string;
  readonly securityCode: string;
}

/** A request with a card that was keyed. */
export type KeyedRequest = Extract<PaymentRequest, { readonly card: CardDetails }>;

export type RequestChanges = Partial<Pick<PaymentRequest, 'amount' | 'initiatedBy' | 'reference'>> & {
  readonly text?: Partial<CardText>;
};

/** One double and the providers that a test connects to it. */
export class Bench<D extends ConformanceDouble> {
  readonly subject: ConformanceSubject<D>;
  readonly double: D;
  readonly clock = new PatientClock();
  /** Every error that a provider gave and every line that it logged. */
  readonly #told: string[] = [];
  readonly #providers: PaymentProvider[] = [];
  readonly #logger: Logger;
  #keys = 0;

  constructor(subject: ConformanceSubject<D>, double: D) {
    this.subject = subject;
    this.double = double;
    this.#logger = createLogger('debug', { write: (line) => void this.#told.push(line) });
  }

  async connect(wishes: Partial<ConnectWishes> = {}): Promise<PaymentProvider> {
    const provider = await this.subject.connect(this.double, {
      url: this.double.url,
      wrongCredentials: false,
      clock: this.clock,
      logger: this.#logger,
      timeoutMs: TIMEOUT_MS,
      ...wishes,
    });
    this.#providers.push(provider);
    return provider;
  }

  /** Ends what a test began. Throws when an error or a log line held a secret. */
  async finish(): Promise<void> {
    this.clock.runOut();
    await Promise.all(this.#providers.splice(0).map((provider) => provider.close()));
    const numbers = [this.card().cardNumber, ...this.subject.declines.map(({ cardNumber }) => cardNumber)];
    for (const told of this.#told.splice(0)) {
      for (const secret of [...this.subject.secrets, ...numbers]) {
        // Not a matcher: it would print the secret.
        if (told.includes(secret)) throw new Error('an error or a log line holds a secret');
      }
    }
    await this.double.reset();
  }

  /** The first that it can do. */
  get purpose(): Purpose {
    return this.subject.capabilities.purposes[0] ?? 'charge';
  }

  card(changes: Partial<CardText> = {}): CardText {
    return {
      cardNumber: this.subject.approved ?? APPROVED,
      expiry: '1239',
      securityCode: '123',
      ...changes,
    };
  }

  /** A new key for every request, of the longest shape that a provider must take. */
  newKey(): string {
    this.#keys += 1;
    return `att_${String(this.#keys).padStart(4, '0')}`.padEnd(64, '_.:-');
  }

  request(purpose: Purpose, { text, ...changes }: RequestChanges = {}): KeyedRequest {
    return {
      purpose,
      idempotencyKey: this.newKey(),
      ...(purpose !== 'tokenize' && { amount: AMOUNT }),
      customerReference: 'customer-7',
      card: secretCard(this.card(text)),
      ...changes,
    };
  }

  /** A payment that was authorized, and a modification of it. */
  async authorized(provider: PaymentProvider, purpose: Purpose = 'authorize'): Promise<AuthorizedPayment> {
    const outcome = await provider.pay(this.request(purpose));
    if (outcome.result !== 'succeeded') throw new Error('the payment was not authorized');
    const { providerReference } = outcome;
    return {
      providerReference,
      modify: (modification, value) => ({
        modification,
        idempotencyKey: this.newKey(),
        providerReference,
        authorized: AMOUNT,
        ...(modification !== 'void' && { amount: { ...AMOUNT, value: value ?? AMOUNT.value } }),
      }),
    };
  }

  /** The failure of an attempt; what it says is searched for secrets when the test ends. */
  async failure(attempt: Promise<unknown>): Promise<ProviderFailure> {
    const error: unknown = await attempt.then(
      (value) => new Error(`it did not fail but gave ${JSON.stringify(value)}`),
      (reason: unknown) => reason,
    );
    this.#told.push(inspect(error, { depth: 10, showHidden: true }), String((error as Error).stack));
    if (!(error instanceof ProviderError)) throw new Error('it is no ProviderError', { cause: error });
    return error.failure;
  }

  /** What comes of something that a provider does not claim. */
  async unclaimed(attempt: () => Promise<unknown>): Promise<typeof REFUSED> {
    const movesMoney = ({ target }: SeenRequest): boolean => target === 'pay' || target === 'modify';
    const before = (await this.double.requests()).filter(movesMoney).length;
    const failure = await this.failure(attempt());
    const sent = (await this.double.requests()).filter(movesMoney).length - before;
    return { failure, sent, done: (await this.double.ledger()).length };
  }

  /**
   * What the gateway does about an unknown outcome while it still has the card: it asks, and what was never seen, or
   * cannot be asked for, it sends again under the same key.
   */
  async settle(provider: PaymentProvider, request: PaymentRequest): Promise<PaymentOutcome> {
    if (this.subject.capabilities.recovery === 'lookup') {
      const found = await provider.lookup(this.queryOf(request));
      if (found !== undefined) return found;
    }
    return await provider.pay(request);
  }

  async settleModification(provider: PaymentProvider, request: ModificationRequest): Promise<PaymentOutcome> {
    if (this.subject.capabilities.recovery === 'lookup') {
      const found = await provider.lookup(this.queryOf(request));
      if (found !== undefined) return found;
    }
    return await provider.modify(request);
  }

  queryOf(request: PaymentRequest | ModificationRequest): LookupQuery {
    return {
      idempotencyKey: request.idempotencyKey,
      operation: 'purpose' in request ? request.purpose : request.modification,
      ...(request.amount !== undefined && { amount: request.amount }),
      ...('providerReference' in request && { providerReference: request.providerReference }),
      ...(request.reference !== undefined && { reference: request.reference }),
      since: new Date(Date.now() - TIMEOUT_MS),
    };
  }

  /** What was done under one key. */
  async ledgerOf(key: string): Promise<LedgerEntry[]> {
    return (await this.double.ledger()).filter(({ idempotencyKey }) => idempotencyKey === key);
  }

  /** Resolves once as many requests that `target` names were read by the double. */
  async untilSeen(target: string, times = 1): Promise<void> {
    await vi.waitFor(
      async () => {
        const seen = (await this.double.requests()).filter((request) => request.target === target);
        if (seen.length !== times) throw new Error(`${seen.length} requests for ${target} were seen`);
      },
      { timeout: TIMEOUT_MS },
    );
  }
}

export interface AuthorizedPayment {
  readonly providerReference: string;
  /** A request with a key of its own; all of the amount unless told. */
  modify(modification: Modification, value?: number): ModificationRequest;
}

export function secretCard(text: CardText): CardDetails {
  const secret = (digits: string): SecretBuffer => {
    const buffer = new SecretBuffer(19);
    buffer.appendBytes(Buffer.from(digits, 'ascii'));
    return buffer;
  };
  return {
    cardNumber: secret(text.cardNumber),
    expiry: secret(text.expiry),
    securityCode: secret(text.securityCode),
  };
}

/** An address where nothing listens. */
export async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `https://127.0.0.1:${port}`;
}
