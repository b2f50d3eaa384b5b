import { newId } from '../../../src/kernel/ids.ts';
import type { Operation } from '../../../src/payments/contract.ts';
import type { LedgerEntry } from '../contract.ts';
import type { JweRequest } from './request.ts';

/** The published test numbers that are declined (https://docs.stripe.com/testing). */
export const DECLINED_NUMBERS: Readonly<Record<string, string>> = {
  '4000000000000002': 'do_not_honor',
  '4000000000009995': 'no_funds',
  '4000000000009987': 'card_lost',
  '4000000000009979': 'card_stolen',
  '4000000000000069': 'card_expired',
  '4000000000000127': 'cvv_mismatch',
  '4000000000000119': 'system_error',
};

interface Payment {
  readonly currency: string;
  left: number;
  state: 'authorized' | 'captured' | 'voided';
}

interface Card {
  readonly cardNumber: string;
  /** MMYY. */
  readonly expiry: string;
  readonly securityCode?: string;
}

/** What became of one request, as an answer tells it. */
export type Result = Readonly<Record<string, unknown>>;

/** Payments, cards that are kept and the ledger. */
export class Merchant {
  readonly entries: LedgerEntry[] = [];
  readonly #payments = new Map<string, Payment>();
  readonly #cards = new Map<string, Card>();
  readonly #results = new Map<string, Result>();

  clear(): void {
    this.entries.length = 0;
    this.#payments.clear();
    this.#cards.clear();
    this.#results.clear();
  }

  /** What became of a key, or undefined. */
  find(idempotencyKey: string): Result | undefined {
    return this.#results.get(idempotencyKey);
  }

  knows({ card }: JweRequest): boolean {
    return card?.token === undefined || this.#cards.has(card.token);
  }

  carryOut(request: JweRequest, now: Date): Result {
    const result =
      request.provider_reference === undefined
        ? this.#pay(request, now)
        : this.#modify(request, request.provider_reference);
    this.#results.set(request.idempotency_key, result);
    return result;
  }

  #pay(request: JweRequest, now: Date): Result {
    const { idempotency_key: idempotencyKey, amount } = request;
    const operation = request.operation as Operation;
    const card = this.#cardOf(request);
    const id = newId('chg');
    const declineCode = isExpired(card, now) ? 'card_expired' : DECLINED_NUMBERS[card.cardNumber];
    this.entries.push({
      idempotencyKey,
      operation,
      result: declineCode === undefined ? 'succeeded' : 'declined',
      ...(declineCode !== undefined && { declineCode }),
      ...(amount !== undefined && { amount: amount.value, currency: amount.currency }),
      ...card,
      providerReference: id,
    });
    if (declineCode !== undefined) {
      return { idempotency_key: idempotencyKey, result: 'declined', id, decline_code: declineCode };
    }
    if (amount !== undefined) {
      const state = operation === 'authorize' ? 'authorized' : 'captured';
      this.#payments.set(id, { currency: amount.currency, left: amount.value, state });
    }
    const saves = operation === 'tokenize' || operation === 'charge_and_save';
    const token = saves ? newId('tok') : undefined;
    if (token !== undefined) this.#cards.set(token, { cardNumber: card.cardNumber, expiry: card.expiry });
    return {
      idempotency_key: idempotencyKey,
      result: 'succeeded',
      id,
      ...(amount !== undefined && { authorization_code: 'A1B2C3' }),
      ...(token !== undefined && { token }),
    };
  }

  #modify(request: JweRequest, paymentId: string): Result {
    const { idempotency_key: idempotencyKey, amount } = request;
    const operation = request.operation as 'capture' | 'void' | 'refund';
    const declineCode = this.#refusalOf(operation, paymentId, amount);
    const id = newId('chg');
    this.entries.push({
      idempotencyKey,
      operation,
      result: declineCode === undefined ? 'succeeded' : 'declined',
      ...(declineCode !== undefined && { declineCode }),
      ...(amount !== undefined && { amount: amount.value, currency: amount.currency }),
      providerReference: id,
    });
    return declineCode === undefined
      ? { idempotency_key: idempotencyKey, result: 'succeeded', id }
      : { idempotency_key: idempotencyKey, result: 'declined', id, decline_code: declineCode };
  }

  /** Carries it out when nothing is in its way. */
  #refusalOf(
    operation: 'capture' | 'void' | 'refund',
    paymentId: string,
    amount: JweRequest['amount'],
  ): string | undefined {
    const payment = this.#payments.get(paymentId);
    if (payment === undefined) return 'no_such_payment';
    if (payment.state !== (operation === 'refund' ? 'captured' : 'authorized')) return 'wrong_state';
    if (amount !== undefined && amount.currency !== payment.currency) return 'wrong_currency';
    if ((amount?.value ?? 0) > payment.left) return 'amount_too_large';
    if (operation === 'void') payment.state = 'voided';
    else if (operation === 'capture') Object.assign(payment, { state: 'captured', left: amount?.value ?? 0 });
    else payment.left -= amount?.value ?? 0;
    return undefined;
  }

  #cardOf({ card }: JweRequest): Card {
    const kept = card?.token === undefined ? undefined : this.#cards.get(card.token);
    const { number = '', expiry_month: month = '', expiry_year: year = '', security_code: code } = card ?? {};
    return {
      ...(kept ?? { cardNumber: number, expiry: `${month}${year.slice(2)}` }),
      ...(code !== undefined && { securityCode: code }),
    };
  }
}

/** A card is good until the end of its month, UTC. */
function isExpired({ expiry }: Card, now: Date): boolean {
  return now.getTime() >= Date.UTC(2000 + Number(expiry.slice(2)), Number(expiry.slice(0, 2)), 1);
}
