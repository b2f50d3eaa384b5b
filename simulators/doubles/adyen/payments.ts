import { randomInt, type KeyObject } from 'node:crypto';
import type { LedgerEntry } from '../contract.ts';
import type { DoubleAnswer } from '../route.ts';
import { openCard, openSecurityCode, type AdyenCard } from './card.ts';
import { decide, type Decision } from './issuer.ts';
import { minorUnits } from './money.ts';
import { refusal } from './refusals.ts';

export interface Amount {
  readonly value: number;
  readonly currency: string;
}

export interface PaymentBody {
  readonly merchantAccount: string;
  readonly amount: Amount;
  readonly reference: string;
  readonly paymentMethod: {
    readonly encryptedCard?: string;
    readonly storedPaymentMethodId?: string;
    readonly encryptedSecurityCode?: string;
  };
  readonly shopperInteraction: 'Moto' | 'ContAuth';
  readonly captureDelayHours?: number;
  readonly additionalData?: { readonly manualCapture?: string };
  readonly storePaymentMethod?: boolean;
  readonly shopperReference?: string;
  readonly recurringProcessingModel?: string;
}

export interface ModificationBody {
  readonly merchantAccount: string;
  readonly reference?: string;
  readonly amount?: Amount;
}

/** What a test may set wrong. */
export interface AccountSettings {
  readonly merchantAccount: string;
  /** Telephone orders are taken. */
  readonly moto: boolean;
  /** Cards are among the payment methods. */
  readonly cards: boolean;
  /** Opens the envelopes. */
  readonly privateKey: KeyObject;
}

interface Payment {
  readonly amount: Amount;
  left: number;
  captured: number;
  state: 'authorised' | 'captured' | 'cancelled';
}

interface StoredCard {
  readonly card: AdyenCard;
  readonly shopperReference: string;
}

/** The merchant account: its payments, the cards that it keeps and the ledger of what was done. */
export class Payments {
  readonly entries: LedgerEntry[] = [];
  readonly #payments = new Map<string, Payment>();
  readonly #cards = new Map<string, StoredCard>();
  /** What the next payment comes to, whatever its card. */
  next: Decision | undefined;
  /** Answers do not tell the token, as when the account has not switched that on. */
  silentTokens = false;

  clear(): void {
    this.entries.length = 0;
    this.#payments.clear();
    this.#cards.clear();
    this.next = undefined;
    this.silentTokens = false;
  }

  /** Checks a request and gives what is left to do, which happens once for its key. */
  prepare(body: PaymentBody, key: string, settings: AccountSettings, now: Date): () => DoubleAnswer {
    refuseOtherAccount(body, settings);
    if (body.shopperInteraction === 'Moto' && !settings.moto) {
      throw refusal(403, '010', 'Not allowed');
    }
    const stored = body.paymentMethod.storedPaymentMethodId;
    const saves = body.storePaymentMethod === true;
    if ((saves || stored !== undefined) && body.shopperReference === undefined) {
      throw refusal(422, '000', 'Recurring payments require a shopperReference');
    }
    if (
      (saves || stored !== undefined || body.shopperInteraction === 'ContAuth') &&
      body.recurringProcessingModel === undefined
    ) {
      throw refusal(422, '000', 'recurringProcessingModel is required');
    }
    if (body.amount.value === 0 && !saves) throw refusal(422, '137', 'Invalid amount specified');
    const card = this.#cardOf(body, settings, now);
    return () => this.#pay(body, key, card, now);
  }

  prepareModification(
    operation: 'capture' | 'void' | 'refund' | 'reversal',
    pspReference: string,
    body: ModificationBody,
    key: string,
    settings: AccountSettings,
  ): () => DoubleAnswer {
    refuseOtherAccount(body, settings);
    const payment = this.#payments.get(pspReference);
    if (payment === undefined) {
      throw refusal(422, '167', 'Original pspReference required for this operation');
    }
    if (body.amount !== undefined && body.amount.currency !== payment.amount.currency) {
      throw refusal(422, '138', 'Unsupported currency specified');
    }
    return () => this.#modify(operation, pspReference, payment, body, key);
  }

  #cardOf({ paymentMethod, shopperReference }: PaymentBody, settings: AccountSettings, now: Date): AdyenCard {
    const { encryptedCard, storedPaymentMethodId: id = '', encryptedSecurityCode } = paymentMethod;
    if (encryptedCard !== undefined) return openCard(encryptedCard, settings.privateKey, now);
    const stored = this.#cards.get(id);
    if (stored === undefined || stored.shopperReference !== shopperReference) {
      throw refusal(422, '800', 'Contract not found');
    }
    const securityCode =
      encryptedSecurityCode && openSecurityCode(encryptedSecurityCode, settings.privateKey, now);
    const { cardNumber, expiry } = stored.card;
    return { cardNumber, expiry, ...(securityCode !== undefined && { securityCode }) };
  }

  #pay(body: PaymentBody, key: string, card: AdyenCard, now: Date): DoubleAnswer {
    const { amount, storePaymentMethod: saves = false, shopperReference = '' } = body;
    const decision = this.next ?? decide(card, now);
    this.next = undefined;
    const pspReference = newReference();
    const manual = body.additionalData?.manualCapture === 'true';
    const authorised = decision.resultCode === 'Authorised' || decision.resultCode === 'PartiallyAuthorised';
    // A part is half of it, and what is authorised in part is captured like the rest.
    const given = {
      ...amount,
      value: decision.resultCode === 'Authorised' ? amount.value : amount.value >> 1,
    };
    const storedId = authorised && saves ? newReference() : undefined;
    if (authorised && amount.value > 0) {
      this.#payments.set(pspReference, {
        amount: given,
        left: given.value,
        captured: manual ? 0 : given.value,
        state: manual ? 'authorised' : 'captured',
      });
    }
    if (storedId !== undefined) this.#cards.set(storedId, { card: withoutCode(card), shopperReference });
    this.entries.push({
      idempotencyKey: key,
      operation:
        amount.value === 0 ? 'tokenize' : saves ? 'charge_and_save' : manual ? 'authorize' : 'charge',
      result: authorised ? 'succeeded' : 'declined',
      ...(!authorised && { declineCode: decision.refusalReasonCode ?? decision.resultCode }),
      ...(amount.value > 0 && {
        amount: minorUnits(authorised ? given.value : amount.value, amount.currency),
        currency: amount.currency,
      }),
      ...card,
      providerReference: pspReference,
    });
    return {
      status: 200,
      headers: { 'idempotency-key': key },
      body: {
        pspReference,
        merchantReference: body.reference,
        ...decision,
        ...(authorised && {
          amount: given,
          additionalData: {
            authCode: newAuthCode(),
            cardSummary: card.cardNumber.slice(-4),
            ...(storedId !== undefined &&
              !this.silentTokens && {
                'tokenization.storedPaymentMethodId': storedId,
                'tokenization.shopperReference': shopperReference,
                'tokenization.store.operationType': 'created',
              }),
          },
          paymentMethod: { type: 'scheme' },
        }),
      },
    };
  }

  /** Adyen takes a modification on and tells by a webhook later that it could not be done. */
  #modify(
    operation: 'capture' | 'void' | 'refund' | 'reversal',
    paymentPspReference: string,
    payment: Payment,
    { merchantAccount, reference, amount }: ModificationBody,
    key: string,
  ): DoubleAnswer {
    const name = operation === 'reversal' ? (payment.state === 'captured' ? 'refund' : 'void') : operation;
    const value = amount?.value ?? payment.left;
    const done = carryOut(name, payment, value);
    const pspReference = newReference();
    this.entries.push({
      idempotencyKey: key,
      operation: name,
      result: done ? 'succeeded' : 'declined',
      ...(!done && { declineCode: 'Insufficient balance on payment' }),
      ...(name !== 'void' && {
        amount: minorUnits(value, payment.amount.currency),
        currency: payment.amount.currency,
      }),
      providerReference: pspReference,
    });
    return {
      status: 201,
      headers: { 'idempotency-key': key },
      body: {
        merchantAccount,
        paymentPspReference,
        pspReference,
        status: 'received',
        ...(reference !== undefined && { reference }),
        ...(amount !== undefined && { amount }),
      },
    };
  }
}

/** Whether it could be done. */
function carryOut(operation: 'capture' | 'void' | 'refund', payment: Payment, value: number): boolean {
  switch (operation) {
    case 'capture':
      if (payment.state !== 'authorised' || value > payment.left) return false;
      // What is not captured is given back.
      Object.assign(payment, { state: 'captured', captured: value, left: value });
      return true;
    case 'void':
      if (payment.state !== 'authorised') return false;
      payment.state = 'cancelled';
      return true;
    case 'refund':
    default:
      if (payment.state !== 'captured' || value > payment.left) return false;
      payment.left -= value;
      return true;
  }
}

function refuseOtherAccount(
  { merchantAccount }: { readonly merchantAccount: string },
  settings: AccountSettings,
): void {
  if (merchantAccount !== settings.merchantAccount) throw refusal(403, '901', 'Invalid Merchant Account');
}

function withoutCode({ cardNumber, expiry }: AdyenCard): AdyenCard {
  return { cardNumber, expiry };
}

const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ23456789';

/** 16 capital letters and digits; a letter in every place where a run of digits could look like a card number. */
function newReference(): string {
  return Array.from({ length: 16 }, (_, index) =>
    index % 4 === 3 ? ALPHABET[randomInt(20)] : ALPHABET[randomInt(ALPHABET.length)],
  ).join('');
}

function newAuthCode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0');
}
