import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { newId } from '../../src/kernel/ids.ts';
import { decide, modificationDeclineCode } from './decisions.ts';
import type { EnvelopeKeys } from './envelope-keys.ts';
import { readJsonObject } from './exchange.ts';
import { isModification, type AnyEntry, type Ledger, type SandboxModification } from './ledger.ts';
import { readModificationRequest, type SandboxModificationRequest } from './modification-request.ts';
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
  /** What it promises of its look-up, in milliseconds. */
  readonly absenceProvenAfterMs: number;
  readonly now: () => Date;
}

/** The provider's API behind its transport. Every method throws a `Problem` for a refusal. */
export class PaymentsApi {
  readonly #options: PaymentsApiOptions;

  constructor(options: PaymentsApiOptions) {
    this.#options = options;
  }

  capabilities(): Answer {
    return {
      body: {
        mode: 'test',
        purposes: PURPOSES,
        modifications: ['capture', 'void', 'refund'],
        partial_amounts: true,
        stored_cards: true,
        pin: this.#options.pinKey !== undefined,
        absence_proven_after_ms: this.#options.absenceProvenAfterMs,
      },
    };
  }

  publicKeys(): Answer {
    return { body: this.#options.keys.publicKeys() };
  }

  /** Reads the whole request, also one that will not be processed. */
  async read(request: IncomingMessage): Promise<SandboxPaymentRequest> {
    const body = await readJsonObject(request);
    const { keys, pinKey, ledger, now } = this.#options;
    return readPaymentRequest(body, idempotencyHeader(request), {
      keys,
      pinKey,
      now: now(),
      storedCard: (token) => ledger.storedCard(token),
    });
  }

  async readModification(
    request: IncomingMessage,
    modification: SandboxModification,
    chargeId: string,
  ): Promise<SandboxModificationRequest> {
    const body = await readJsonObject(request);
    return readModificationRequest(body, idempotencyHeader(request), modification, chargeId);
  }

  /** The request is in flight, and its key taken, until `inFlight` resolves. */
  async pay(request: SandboxPaymentRequest, inFlight: () => Promise<void>): Promise<Answer> {
    const { ledger, now, pinKey } = this.#options;
    const replayed = this.#claim(request);
    if (replayed !== undefined) return replayed;
    await inFlight();
    const { idempotencyKey, purpose, amount, reference, customerReference, card } = request;
    const { initiatedBy, storedToken } = request;
    const at = now();
    const question = {
      card,
      purpose,
      stored: storedToken !== undefined,
      ...(amount !== undefined && { currency: amount.currency }),
    };
    const entry = {
      ...decide(question, at, pinKey),
      idempotencyKey,
      purpose,
      ...(amount !== undefined && { amount: amount.value, currency: amount.currency }),
      ...(reference !== undefined && { reference }),
      ...(customerReference !== undefined && { customerReference }),
      ...(initiatedBy !== undefined && { initiatedBy }),
      ...(storedToken !== undefined && { storedToken }),
      cardNumber: card.cardNumber,
      ...(card.expiry !== undefined && { expiry: card.expiry }),
      ...(card.securityCode !== undefined && { securityCode: card.securityCode }),
      ...(card.postalCode !== undefined && { postalCode: card.postalCode }),
      at: at.toISOString(),
    };
    ledger.settle(entry);
    return { body: describe(entry) };
  }

  /** As `pay`, for a change of a payment that was made. */
  async modify(request: SandboxModificationRequest, inFlight: () => Promise<void>): Promise<Answer> {
    const { ledger, now } = this.#options;
    const { idempotencyKey, modification, chargeId, amount, reference } = request;
    const payment = ledger.payment(chargeId);
    if (payment === undefined) throw new Problem(404, 'payment_not_found', 'there is no such payment');
    if (amount !== undefined && payment.currency !== undefined && amount.currency !== payment.currency) {
      throw new Problem(400, 'invalid_amount', 'the payment has another currency');
    }
    const replayed = this.#claim(request);
    if (replayed !== undefined) return replayed;
    await inFlight();
    // From here to `settle` nothing waits: two refunds of the same money cannot both find it there.
    const declineCode = modificationDeclineCode(
      modification,
      amount?.value ?? 0,
      payment,
      ledger.balance(payment),
    );
    const entry = {
      modificationId: newId('chg').replace('chg_', 'mod_sandbox_'),
      idempotencyKey,
      modification,
      chargeId,
      ...(amount !== undefined && { amount: amount.value, currency: amount.currency }),
      ...(reference !== undefined && { reference }),
      ...(declineCode === undefined
        ? { result: 'succeeded' as const }
        : { result: 'declined' as const, declineCode }),
      at: now().toISOString(),
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

  /** Takes the key, or gives what came of it before. */
  #claim(request: { readonly idempotencyKey: string; readonly fingerprint: string }): Answer | undefined {
    const claim = this.#options.ledger.claim(request.idempotencyKey, request.fingerprint);
    switch (claim.state) {
      case 'in_flight':
        throw new Problem(409, 'in_flight', 'a request with this Idempotency-Key is being processed');
      case 'mismatch':
        throw new Problem(422, 'idempotency_key_reused', 'this Idempotency-Key came with another payload');
      case 'done':
        return { body: describe(claim.entry), headers: { 'idempotent-replayed': 'true' } };
      case 'new':
      default:
        return undefined;
    }
  }
}

function idempotencyHeader(request: IncomingMessage): string | undefined {
  const header = request.headers['idempotency-key'];
  return typeof header === 'string' ? header : undefined;
}

function describe(entry: Omit<AnyEntry, 'requests'> | AnyEntry): Record<string, unknown> {
  const row = entry as AnyEntry;
  const common = {
    idempotency_key: row.idempotencyKey,
    result: row.result,
    ...(row.declineCode !== undefined && { decline_code: row.declineCode }),
  };
  if (isModification(row)) {
    return { id: row.modificationId, payment_id: row.chargeId, modification: row.modification, ...common };
  }
  return {
    id: row.chargeId,
    purpose: row.purpose,
    ...common,
    ...(row.authorizationCode !== undefined && { authorization_code: row.authorizationCode }),
    ...(row.token !== undefined && { token: row.token }),
  };
}
