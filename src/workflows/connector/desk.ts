import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Mode } from '../../payments/kind.ts';
import { auditEntry } from '../audit-entry.ts';
import type { Actor, IdempotencyClaim, IdempotencyDesk, StoredAnswer } from '../contract.ts';
import { paymentCreated } from '../payments/audit.ts';
import type { PaymentDependencies } from '../payments/dependencies.ts';
import { pay, type PaymentPlan } from '../payments/pay.ts';
import { providersFor } from '../payments/providers-for.ts';
import {
  findPayment,
  findPaymentByIdempotencyId,
  insertPayment,
  newPaymentRecord,
  type PaymentRecord,
} from '../stores/payment-store.ts';
import { answerOfPayment, answerOfTokenization, refusal } from './answer.ts';
import type { ConnectorAnswer, ConnectorAnswerBody, ConnectorDesk } from './contract.ts';
import { JsonMistake } from './json-stream.ts';
import { ConnectorMembers, MemberMistake } from './members.ts';
import { readConnectorRequest, type ConnectorRequest } from './request.ts';

/** Names what is done in the table of idempotency keys. */
const OPERATION = 'takeConnectorPayment';

/**
 * A voice platform waits ten seconds and then sends the same request again; until shortly before that a second request
 * waits for what becomes of the first one.
 */
const WAIT_MS = 8_000;
const ASK_AGAIN_MS = 250;

export interface ConnectorDeskOptions extends PaymentDependencies {
  readonly idempotency: IdempotencyDesk;
  /** Of a request that does not name one. */
  readonly mode: Mode;
}

/** Another process has made the payment of this request in the meantime. */
class AlreadyThere extends Error {}

/**
 * Other voice platforms' card details, passed on to a provider of the account. The attempt is on record before anything
 * is sent, and `transaction_id` is the key under which money moves once.
 */
export function createConnectorDesk(options: ConnectorDeskOptions): ConnectorDesk {
  return {
    async take(actor, body) {
      if (!actor.reach.includes('account')) {
        throw new HushtoneError(
          'role_forbidden',
          'forbidden',
          'Payments are for those who see the whole account.',
        );
      }
      using members = new ConnectorMembers();
      let request: ConnectorRequest;
      try {
        await members.read(body);
        request = readConnectorRequest(members);
      } catch (error) {
        if (error instanceof MemberMistake) return refusal(undefined, error.code);
        if (error instanceof JsonMistake) return refusal(undefined, 'malformed_json');
        throw error;
      }
      using read = request;
      return await takeOnce(options, actor, read);
    },
  };
}

async function takeOnce(
  options: ConnectorDeskOptions,
  actor: Actor,
  request: ConnectorRequest,
): Promise<ConnectorAnswer> {
  const begun = await claim(options, actor, request);
  if ('refused' in begun) return begun.refused;
  if ('answer' in begun) return await toldAgain(options, actor, begun.answer);
  const earlier = begun.claim.takenOver ? await earlierCharge(options, begun.claim) : undefined;
  if (earlier !== undefined) return earlier;
  let plan: PaymentPlan;
  try {
    plan = await planOf(options, actor, request);
  } catch (error) {
    await options.idempotency.release(begun.claim);
    return refusedFor(request, error);
  }
  try {
    return request.method === 'charge'
      ? await charge(options, actor, request, plan, begun.claim)
      : await tokenize(options, actor, plan, begun.claim);
  } catch (error) {
    if (error instanceof AlreadyThere) return refusal(request.method, 'outcome_unknown', 503);
    // Nothing was sent, and yet the payment may be on record: a commit can be done whose answer was lost.
    await options.idempotency.abandon(begun.claim);
    return refusedFor(request, error);
  }
}

/** Throws what is a fault of ours. */
function refusedFor({ method }: ConnectorRequest, error: unknown): ConnectorAnswer {
  if (!(error instanceof HushtoneError) || error.kind === 'internal') throw error;
  return refusal(method, error.code, error.kind === 'unavailable' ? 503 : 400);
}

/** What a process that died, or takes very long, has made under this claim. Rejects as the database does. */
async function earlierCharge(
  { database, idempotency }: ConnectorDeskOptions,
  taken: IdempotencyClaim,
): Promise<ConnectorAnswer | undefined> {
  const { accountId, id } = taken;
  const payment = await database.transaction(
    accountId,
    async (db) => await findPaymentByIdempotencyId(db, id),
  );
  if (payment === undefined) return undefined;
  await idempotency.keep(taken, { status: 200, body: { payment_id: payment.id } });
  return answerOfPayment(payment);
}

type Begun =
  | { readonly claim: IdempotencyClaim }
  | { readonly answer: StoredAnswer }
  | { readonly refused: ConnectorAnswer };

/** Takes the `transaction_id`, or waits for what becomes of the request that has it. */
async function claim(
  { idempotency, clock }: ConnectorDeskOptions,
  actor: Actor,
  request: ConnectorRequest,
): Promise<Begun> {
  const { method, transactionId, amount, mode, reference, customerReference } = request;
  // What was keyed is no part of it: no digest of a card number is kept anywhere.
  const body = {
    method,
    amount: amount?.value ?? null,
    currency: amount?.currency ?? null,
    mode: mode ?? null,
    reference: reference ?? null,
    customer_reference: customerReference ?? null,
  };
  const key = `connector:${transactionId}`;
  const giveUpMs = clock.monotonicMs() + WAIT_MS;
  for (;;) {
    try {
      return await idempotency.begin(actor, { key, operation: OPERATION, method: 'POST', path: '', body });
    } catch (error) {
      if (!(error instanceof HushtoneError)) throw error;
      if (error.kind === 'mismatch') return { refused: refusal(method, 'transaction_id_reused', 422) };
      if (error.code !== 'idempotency_in_flight') throw error;
      if (clock.monotonicMs() >= giveUpMs) return { refused: refusal(method, 'in_progress', 409) };
      await new Promise<void>((resolve) => void clock.after(ASK_AGAIN_MS, resolve));
    }
  }
}

/** A payment is told as it is now; a tokenization as it was. */
async function toldAgain(
  { database }: ConnectorDeskOptions,
  { accountId }: Actor,
  { body }: StoredAnswer,
): Promise<ConnectorAnswer> {
  const kept = body as { readonly payment_id?: string } | ConnectorAnswerBody;
  if (!('payment_id' in kept) || kept.payment_id === undefined) {
    return { status: 200, body: kept as ConnectorAnswerBody };
  }
  const { payment_id: paymentId } = kept;
  const payment = await database.transaction(accountId, async (db) => await findPayment(db, paymentId));
  return payment === undefined ? refusal('charge', 'outcome_unknown', 503) : answerOfPayment(payment);
}

async function charge(
  options: ConnectorDeskOptions,
  actor: Actor,
  request: ConnectorRequest,
  plan: PaymentPlan,
  begun: IdempotencyClaim,
): Promise<ConnectorAnswer> {
  const payment = paymentOf(options, actor, request, plan.mode);
  await pay(options, {
    ...plan,
    paymentId: payment.id,
    begin: async (db) => {
      if (!(await insertPayment(db, payment, begun.id))) throw new AlreadyThere();
      return [paymentCreated(actor, payment)];
    },
  });
  // From here on the request has its payment, whatever becomes of this answer.
  await options.idempotency.keep(begun, { status: 200, body: { payment_id: payment.id } });
  return await asItIs(options, payment);
}

/** What cannot be read now is asked for again, under the same key. */
async function asItIs(
  { database, logger }: ConnectorDeskOptions,
  { accountId, id }: PaymentRecord,
): Promise<ConnectorAnswer> {
  try {
    const payment = await database.transaction(accountId, async (db) => await findPayment(db, id));
    if (payment !== undefined) return answerOfPayment(payment);
  } catch (error) {
    logger.warn('a payment cannot be read', { accountId, error });
  }
  return refusal('charge', 'outcome_unknown', 503);
}

/** It moves no money: one whose outcome is not known may be asked for again, and makes another token at worst. */
async function tokenize(
  options: ConnectorDeskOptions,
  actor: Actor,
  plan: PaymentPlan,
  begun: IdempotencyClaim,
): Promise<ConnectorAnswer> {
  const { idempotency } = options;
  const result = await pay(options, {
    ...plan,
    begin: async () => [
      auditEntry(
        actor,
        'card.tokenize',
        { type: 'account', id: actor.accountId },
        { after: { mode: plan.mode } },
      ),
    ],
  });
  if (result.kind !== 'outcome') {
    await idempotency.release(begun);
    return result.kind === 'unknown'
      ? refusal('tokenize', 'outcome_unknown', 503)
      : refusal('tokenize', result.failure, 503);
  }
  const answer = answerOfTokenization(result.outcome);
  await idempotency.keep(begun, { status: 200, body: answer.body });
  return answer;
}

async function planOf(
  { directory, mode: usual }: ConnectorDeskOptions,
  { accountId }: Actor,
  { method, mode = usual, amount, brand, last4, reference, customerReference, card }: ConnectorRequest,
): Promise<PaymentPlan> {
  const providers = await providersFor(directory, accountId, {
    mode,
    purpose: method,
    ...(amount !== undefined && { amount }),
    ...(brand !== undefined && { brand }),
  });
  return {
    accountId,
    operation: method,
    mode,
    ...(amount !== undefined && { amount }),
    ...(reference !== undefined && { reference }),
    ...(customerReference !== undefined && { customerReference }),
    ...(brand !== undefined && { brand }),
    last4,
    providers,
    card: () => ({ card }),
  };
}

function paymentOf(
  { clock }: ConnectorDeskOptions,
  { accountId, subject }: Actor,
  { amount, reference, customerReference, brand, last4 }: ConnectorRequest,
  mode: Mode,
): PaymentRecord {
  if (amount === undefined) throw new HushtoneError('amount_missing', 'internal', 'a charge has an amount');
  const at = clock.now();
  return newPaymentRecord({
    id: newId('pay'),
    accountId,
    mode,
    purpose: 'charge',
    status: 'processing',
    amount: amount.value,
    currency: amount.currency,
    reference: reference ?? null,
    customerReference: customerReference ?? null,
    brand: brand ?? null,
    last4,
    requestedBy: subject,
    createdAt: at,
    updatedAt: at,
  });
}
