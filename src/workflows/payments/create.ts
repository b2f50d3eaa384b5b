import { brandOf } from '../../cards/brands.ts';
import { passesLuhn } from '../../cards/luhn.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { CardSource } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { Actor, IdempotencyClaim } from '../contract.ts';
import type { RoutedProvider } from '../providers/contract.ts';
import { knowsProviderToken } from '../stores/attempt-store.ts';
import {
  findPayment,
  findPaymentByIdempotencyId,
  insertPayment,
  newPaymentRecord,
  type PaymentRecord,
} from '../stores/payment-store.ts';
import { refuseUnknownCurrency } from '../known-currency.ts';
import { refuseCardLike, wrongMode } from '../take-payment/order.ts';
import { paymentCreated } from './audit.ts';
import type { NewPayment } from './contract.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { vaultOf } from './keep-card.ts';
import { pay, type PaymentPlan, type PaymentResult } from './pay.ts';
import { providersFor } from './providers-for.ts';
import { afterDoubt, afterFailure, afterOutcome } from './rules.ts';

/** Where the money of a payment comes from, and who may take it. `using` wipes the card. */
interface Source extends Disposable {
  readonly mode: Mode;
  readonly token?: string;
  readonly providerToken?: string;
  readonly brand?: string;
  readonly last4?: string;
  readonly providers: readonly RoutedProvider[];
  card(): CardSource;
}

/** A request that has a payment already, from before it was sent again. */
class AlreadyThere extends Error {}

/**
 * A payment with a stored card. Under a claim that was taken over, or that two have at once, the payment that the
 * request has made already is its answer: nothing is sent for it a second time. Rejects with `currency_unknown`, `token_…`,
 * `provider_token_…`, `wrong_mode`, `provider_not_configured`, …, and then nothing was sent; a decline, a failure and an
 * unknown outcome are payments.
 */
export async function createPayment(
  options: PaymentDependencies,
  actor: Actor,
  request: NewPayment,
  claim?: IdempotencyClaim,
): Promise<PaymentRecord> {
  const made = claim?.takenOver === true ? await madeUnder(options, claim) : undefined;
  if (made !== undefined) return made;
  refuseUnknownCurrency(request.amount.currency, 'amount/currency');
  checkText(actor, request);
  const paymentId = newId('pay');
  using source = await sourceOf(options, actor, request, paymentId);
  const payment = recordOf(options, actor, request, source, paymentId);
  try {
    const result = await pay(options, planOf(actor, request, source, payment, claim));
    return await asItIs(options, payment, result);
  } catch (error) {
    const there = error instanceof AlreadyThere && claim !== undefined;
    const earlier = there ? await madeUnder(options, claim) : undefined;
    if (earlier !== undefined) return earlier;
    throw error;
  }
}

async function madeUnder(
  { database }: PaymentDependencies,
  { accountId, id }: IdempotencyClaim,
): Promise<PaymentRecord | undefined> {
  return await database.transaction(accountId, async (db) => await findPaymentByIdempotencyId(db, id));
}

function checkText(
  { subject }: Actor,
  { reference, customer_reference: customerReference }: NewPayment,
): void {
  refuseCardLike(subject, 'subject');
  if (reference !== undefined) refuseCardLike(reference, 'reference');
  if (customerReference !== undefined) refuseCardLike(customerReference, 'customer_reference');
}

async function sourceOf(
  options: PaymentDependencies,
  actor: Actor,
  request: NewPayment,
  paymentId: string,
): Promise<Source> {
  const { token, provider_token: providerToken, provider_id: providerId } = request;
  if (token !== undefined && providerToken === undefined && providerId === undefined) {
    return await vaultSource(options, actor, request, { token, paymentId });
  }
  if (token === undefined && providerToken !== undefined && providerId !== undefined) {
    return await providerSource(options, actor.accountId, request, { providerToken, providerId });
  }
  throw new HushtoneError(
    'card_ambiguous',
    'invalid',
    'Name the card by token, or by provider_token together with provider_id.',
  );
}

async function vaultSource(
  options: PaymentDependencies,
  actor: Actor,
  { purpose, amount, mode }: NewPayment,
  { token, paymentId }: { readonly token: string; readonly paymentId: string },
): Promise<Source> {
  const { accountId } = actor;
  const vault = vaultOf(options);
  const face = await vault.face(accountId, token);
  if (mode !== undefined && mode !== face.mode) throw wrongMode(face.mode);
  const { brand, last4 } = face;
  const question = { mode: face.mode, purpose, amount, brand };
  const providers = await providersFor(options.directory, accountId, question);
  const revealed = await vault.reveal(accountId, token, { actor, paymentId });
  const card = { cardNumber: revealed.cardNumber, ...(revealed.expiry && { expiry: revealed.expiry }) };
  return {
    mode: face.mode,
    token,
    brand,
    last4,
    providers,
    card: () => ({ card }),
    [Symbol.dispose]: () => revealed[Symbol.dispose](),
  };
}

/** A card that a provider keeps can be charged there and nowhere else. */
async function providerSource(
  { database, directory }: PaymentDependencies,
  accountId: string,
  { purpose, mode }: NewPayment,
  { providerToken, providerId }: { readonly providerToken: string; readonly providerId: string },
): Promise<Source> {
  const routed = await directory.find(accountId, providerId);
  if (routed === undefined) {
    throw new HushtoneError('provider_not_found', 'not_found', 'There is no such payment provider.');
  }
  if (routed.retired) {
    throw new HushtoneError('provider_disabled', 'conflict', 'The payment provider takes no new payments.');
  }
  if (mode !== undefined && mode !== routed.mode) throw wrongMode(routed.mode);
  const { storedCards, purposes } = routed.provider.capabilities;
  if (!storedCards || !purposes.includes(purpose)) {
    throw new HushtoneError(
      storedCards ? 'purpose_not_supported' : 'stored_cards_not_supported',
      'invalid',
      storedCards
        ? `The payment provider does not offer ${purpose}.`
        : 'The payment provider charges no card that it keeps.',
    );
  }
  const known = await database.transaction(
    accountId,
    async (db) => await knowsProviderToken(db, providerId, providerToken),
  );
  if (!known) refuseCardNumber(providerToken);
  return {
    mode: routed.mode,
    providerToken,
    providers: [routed],
    card: () => ({ stored: { providerToken } }),
    [Symbol.dispose]: () => undefined,
  };
}

/** Tokens may well be digits only; a card number in the place of one is not kept, and not sent either. */
function refuseCardNumber(providerToken: string): void {
  const digits = providerToken.replaceAll(/[ -]/g, '');
  if (!/^\d{12,19}$/.test(digits)) return;
  const bytes = Buffer.from(digits, 'latin1');
  if (brandOf(bytes) === undefined || !passesLuhn(bytes)) return;
  throw new HushtoneError(
    'provider_token_like_card',
    'invalid',
    'provider_token must not be a card number, and looks like one.',
  );
}

function recordOf(
  { clock }: PaymentDependencies,
  actor: Actor,
  request: NewPayment,
  source: Source,
  paymentId: string,
): PaymentRecord {
  const at = clock.now();
  return newPaymentRecord({
    id: paymentId,
    accountId: actor.accountId,
    mode: source.mode,
    purpose: request.purpose,
    status: 'processing',
    amount: request.amount.value,
    currency: request.amount.currency,
    reference: request.reference ?? null,
    customerReference: request.customer_reference ?? null,
    initiatedBy: request.initiated_by ?? 'cardholder',
    token: source.token ?? null,
    sourceProviderToken: source.providerToken ?? null,
    brand: source.brand ?? null,
    last4: source.last4 ?? null,
    requestedBy: actor.subject,
    createdAt: at,
    updatedAt: at,
  });
}

function planOf(
  actor: Actor,
  request: NewPayment,
  source: Source,
  payment: PaymentRecord,
  claim: IdempotencyClaim | undefined,
): PaymentPlan {
  const { reference, customer_reference: customerReference } = request;
  return {
    accountId: actor.accountId,
    paymentId: payment.id,
    operation: request.purpose,
    mode: source.mode,
    amount: request.amount,
    initiatedBy: payment.initiatedBy,
    ...(reference !== undefined && { reference }),
    ...(customerReference !== undefined && { customerReference }),
    ...(source.brand !== undefined && { brand: source.brand }),
    ...(source.last4 !== undefined && { last4: source.last4 }),
    providers: source.providers,
    card: () => source.card(),
    begin: async (db) => {
      if (!(await insertPayment(db, payment, claim?.id))) throw new AlreadyThere();
      return [paymentCreated(actor, payment)];
    },
  };
}

/** As it is on record; and if that cannot be read now, as it must be. */
async function asItIs(
  { database, clock }: PaymentDependencies,
  payment: PaymentRecord,
  result: PaymentResult,
): Promise<PaymentRecord> {
  try {
    const recorded = await database.transaction(
      payment.accountId,
      async (db) => await findPayment(db, payment.id),
    );
    if (recorded !== undefined && recorded.status !== 'processing') return recorded;
  } catch {
    // The money has moved or not, and whoever asked is told so whatever the database does.
  }
  const settled = { operation: payment.purpose };
  if (result.kind === 'outcome') return afterOutcome(payment, settled, result.outcome, clock.now());
  if (result.kind === 'failed') return afterFailure(payment, settled, result.failure, clock.now());
  return afterDoubt(payment, settled, clock.now());
}
