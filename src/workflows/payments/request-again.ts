import type { Amount, LookupQuery } from '../../payments/contract.ts';
import type { OpenAttempt } from '../stores/attempt-claim-store.ts';
import type { PaymentRecord } from '../stores/payment-store.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { requestFingerprint } from './fingerprint.ts';
import type { ProviderRequest } from './send.ts';

/** A request that is made anew from what is on record. `using` wipes the card in it. */
export interface RequestAgain extends Disposable {
  readonly request: ProviderRequest;
}

function amountOf({ amount, currency }: OpenAttempt): Amount | undefined {
  return amount === null || currency === null ? undefined : { value: amount, currency };
}

/** What an attempt is asked after by. */
export function queryOf(attempt: OpenAttempt, payment: PaymentRecord | undefined): LookupQuery {
  const amount = amountOf(attempt);
  return {
    idempotencyKey: attempt.idempotencyKey,
    operation: attempt.operation,
    ...(amount && { amount }),
    ...(typeof payment?.providerReference === 'string' && { providerReference: payment.providerReference }),
    ...(attempt.reference !== null && { reference: attempt.reference }),
    since: attempt.createdAt,
  };
}

/**
 * The request of an attempt as it was, when nothing of it died with a process: a change of a payment, a payment with a
 * card that the provider or the vault keeps, and one whose card went into the vault first (then without the security
 * code, which is nowhere any more). Undefined for all others, and when what is on record is not what was asked. Rejects
 * when the vault does not give the card.
 */
export async function requestAgain(
  dependencies: PaymentDependencies,
  attempt: OpenAttempt,
  payment: PaymentRecord | undefined,
): Promise<RequestAgain | undefined> {
  const { operation, idempotencyKey, reference, providerId, fingerprint } = attempt;
  const amount = amountOf(attempt);
  if (payment === undefined || operation === 'tokenize') return undefined;
  const asked = {
    operation,
    providerId,
    ...(amount && { amount }),
    ...(reference !== null && { reference }),
  };
  if (fingerprint === null || !requestFingerprint(asked).equals(fingerprint)) return undefined;
  const common = { idempotencyKey, ...(amount && { amount }), ...(reference !== null && { reference }) };
  if (operation === 'capture' || operation === 'void' || operation === 'refund') {
    const { providerReference, amount: value, currency } = payment;
    if (providerReference === null) return undefined;
    const authorized = { value, currency };
    return {
      request: { ...common, modification: operation, providerReference, authorized },
      [Symbol.dispose]: () => undefined,
    };
  }
  const { customerReference, initiatedBy, sourceProviderToken } = payment;
  const paid = {
    ...common,
    purpose: operation,
    initiatedBy,
    ...(customerReference !== null && { customerReference }),
  };
  if (sourceProviderToken !== null) {
    const stored = { providerToken: sourceProviderToken };
    return { request: { ...paid, stored }, [Symbol.dispose]: () => undefined };
  }
  return await withVaultCard(dependencies, payment, paid);
}

async function withVaultCard(
  { vault }: PaymentDependencies,
  { id: paymentId, accountId, captureId, purpose, token }: PaymentRecord,
  paid: Omit<Extract<ProviderRequest, { purpose: unknown }>, 'card' | 'stored'>,
): Promise<RequestAgain | undefined> {
  // A capture with a stored card was there for its security code, which has died with its process.
  const complete = captureId === null || purpose === 'charge_and_save';
  if (vault === undefined || token === null || !complete) return undefined;
  const revealed = await vault.reveal(accountId, token, { paymentId });
  const card = {
    cardNumber: revealed.cardNumber,
    ...(revealed.expiry && { expiry: revealed.expiry }),
  };
  return { request: { ...paid, card }, [Symbol.dispose]: () => revealed[Symbol.dispose]() };
}
