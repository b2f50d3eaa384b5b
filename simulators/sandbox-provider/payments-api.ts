import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { decide } from './decisions.ts';
import type { EnvelopeKeys } from './envelope-keys.ts';
import { readJsonObject } from './exchange.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { PURPOSES, readPaymentRequest, type SandboxPaymentRequest } from './payment-request.ts';
import { Problem } from './problem.ts';

export interface Answer {
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

export interface PaymentsApiOptions {
  readonly keys: EnvelopeKeys;
  readonly ledger: Ledger;
  readonly pinKey: KeyObject | undefined;
  readonly now: () => Date;
}

/** The provider's API behind its transport. Every method throws a `Problem` for a refusal. */
export class PaymentsApi {
  readonly #options: PaymentsApiOptions;

  constructor(options: PaymentsApiOptions) {
    this.#options = options;
  }

  capabilities(): Answer {
    return { body: { purposes: PURPOSES, pin: this.#options.pinKey !== undefined } };
  }

  publicKeys(): Answer {
    return { body: this.#options.keys.publicKeys() };
  }

  /** Reads the whole request, also one that will not be processed. */
  async read(request: IncomingMessage): Promise<SandboxPaymentRequest> {
    const body = await readJsonObject(request);
    const header = request.headers['idempotency-key'];
    const { keys, pinKey, now } = this.#options;
    return readPaymentRequest(body, typeof header === 'string' ? header : undefined, {
      keys,
      pinKey,
      now: now(),
    });
  }

  /** The request is in flight, and its key taken, until `inFlight` resolves. */
  async pay(request: SandboxPaymentRequest, inFlight: () => Promise<void>): Promise<Answer> {
    const { ledger, now, pinKey } = this.#options;
    const claim = ledger.claim(request.idempotencyKey, request.fingerprint);
    switch (claim.state) {
      case 'in_flight':
        throw new Problem(409, 'in_flight', 'a request with this Idempotency-Key is being processed');
      case 'mismatch':
        throw new Problem(422, 'idempotency_key_reused', 'this Idempotency-Key came with another payload');
      case 'done':
        return { body: describe(claim.entry), headers: { 'idempotent-replayed': 'true' } };
      case 'new':
    }
    await inFlight();
    const { idempotencyKey, purpose, amount, reference, card } = request;
    const at = now();
    const entry = {
      ...decide(card, purpose, at, pinKey),
      idempotencyKey,
      purpose,
      ...(amount !== undefined && { amount: amount.value, currency: amount.currency }),
      ...(reference !== undefined && { reference }),
      cardNumber: card.cardNumber,
      ...(card.expiry !== undefined && { expiry: card.expiry }),
      ...(card.securityCode !== undefined && { securityCode: card.securityCode }),
      ...(card.postalCode !== undefined && { postalCode: card.postalCode }),
      at: at.toISOString(),
    };
    ledger.settle(entry);
    return { body: describe(entry) };
  }

  lookup(idempotencyKey: string): Answer {
    const entry = this.#options.ledger.find(idempotencyKey);
    if (entry === undefined) {
      throw new Problem(404, 'payment_not_found', 'no payment has this Idempotency-Key');
    }
    if (entry === 'in_flight') throw new Problem(409, 'in_flight', 'the payment is being processed');
    return { body: describe(entry) };
  }
}

function describe(entry: Omit<LedgerEntry, 'requests'>): Record<string, unknown> {
  return {
    id: entry.chargeId,
    idempotency_key: entry.idempotencyKey,
    purpose: entry.purpose,
    result: entry.result,
    ...(entry.declineCode !== undefined && { decline_code: entry.declineCode }),
    ...(entry.authorizationCode !== undefined && { authorization_code: entry.authorizationCode }),
    ...(entry.token !== undefined && { token: entry.token }),
  };
}
