import { randomBytes } from 'node:crypto';
import type { Operation } from '../../../src/payments/contract.ts';
import type { LedgerEntry } from '../contract.ts';
import type { Card, CardDecline } from './cards.ts';
import { minorUnits } from './money.ts';

export interface PaymentMethod {
  readonly id: string;
  readonly card: Card;
  customer: string | null;
  used: boolean;
}

export interface Charge {
  readonly id: string;
  readonly authorizationCode: string;
}

/** A PaymentIntent or a SetupIntent. */
export interface Intent {
  readonly id: string;
  readonly object: 'payment_intent' | 'setup_intent';
  /** Unix seconds. */
  readonly created: number;
  /** Stripe's count; 0 for a SetupIntent. */
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: string;
  readonly paymentMethod: string;
  readonly customer: string | null;
  readonly description: string | null;
  readonly moto: boolean;
  readonly offSession: boolean;
  readonly cvcToken: boolean;
  readonly metadata: Record<string, string>;
  status: 'requires_payment_method' | 'requires_capture' | 'succeeded' | 'canceled';
  lastError?: CardDecline;
  charge?: Charge;
  received: number;
}

export interface Refund {
  readonly id: string;
  readonly created: number;
  readonly paymentIntent: string;
  readonly amount: number;
  readonly currency: string;
  readonly metadata: Record<string, string>;
}

/** What an account may do; Stripe opens these on request. */
export interface Gates {
  readonly rawCardData: boolean;
  readonly moto: boolean;
}

const OPEN: Gates = { rawCardData: true, moto: true };

/** Everything that the double keeps. */
export class Store {
  readonly paymentMethods = new Map<string, PaymentMethod>();
  readonly customers = new Set<string>();
  readonly cvcTokens = new Set<string>();
  /** In the order in which they were made. */
  readonly intents = new Map<string, Intent>();
  readonly refunds = new Map<string, Refund>();
  readonly ledger: LedgerEntry[] = [];
  gates: Gates = OPEN;

  clear(): void {
    this.paymentMethods.clear();
    this.customers.clear();
    this.cvcTokens.clear();
    this.intents.clear();
    this.refunds.clear();
    this.ledger.length = 0;
    this.gates = OPEN;
  }

  /** What was done to a payment, or refused by its issuer. */
  record(
    intent: Intent,
    operation: Operation,
    idempotencyKey: string,
    more: Partial<LedgerEntry> & { readonly counted?: number } = {},
  ): void {
    const { counted = intent.amount, ...rest } = more;
    const card = this.paymentMethods.get(intent.paymentMethod)?.card;
    const month = String(card?.expMonth ?? 0).padStart(2, '0');
    this.ledger.push({
      idempotencyKey,
      operation,
      result: 'succeeded',
      providerReference: intent.id,
      ...(intent.object === 'payment_intent' && {
        amount: minorUnits(counted, intent.currency),
        currency: intent.currency.toUpperCase(),
      }),
      ...(card !== undefined && {
        cardNumber: card.number,
        expiry: `${month}${String(card.expYear).slice(2)}`,
        ...(card.cvc !== undefined && { securityCode: card.cvc }),
      }),
      ...rest,
    });
  }
}

export function newObjectId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}
