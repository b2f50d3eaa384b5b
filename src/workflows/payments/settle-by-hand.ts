import type { AuditEntry } from '../../audit/entry.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Operation } from '../../payments/contract.ts';
import {
  findSettledByHand,
  findUnsettled,
  signSettlement,
  takeUnsettled,
  type SettledByHand,
  type UnsettledRecord,
} from '../stores/attempt-by-hand-store.ts';
import { findPayment, type PaymentRecord } from '../stores/payment-store.ts';
import type { PaymentStatus } from './contract.ts';
import { checkSettlement, type HandSettlement } from './hand-settlement.ts';
import { paymentNotFound } from './modify.ts';
import { settle, type Settlement, type SettlingDependencies } from './settle.ts';
import { prospectOf, type Prospect, type UnsettledDependencies } from './unsettled.ts';

/** What a payment came to by an operator's word. */
export interface HandSettled {
  readonly accountId: string;
  readonly paymentId: string;
  readonly attemptId: string;
  readonly operation: Exclude<Operation, 'tokenize'>;
  readonly outcome: HandSettlement['outcome'];
  readonly paymentStatus: PaymentStatus;
  /** It was settled so before, and nothing was written now. */
  readonly repeated: boolean;
}

/** Somebody else was quicker: what is on record now says who. */
class Overtaken extends Error {}

/**
 * Ends an attempt that nobody can find out about any more, on the word of an operator who has looked at the provider:
 * in one transaction and with all that follows from it, as if the provider had said so. The same again changes nothing.
 *
 * A card that was kept for a payment that has failed is destroyed by the next gateway that comes round. Rejects with
 * `settlement_invalid`, `settlement_like_card`, `payment_not_found`, `payment_not_unsettled`, `payment_under_way`,
 * `payment_looked_up`, `provider_unusable` or `payment_settled_otherwise`, and then nothing is written.
 */
export async function settleByHand(
  dependencies: SettlingDependencies & UnsettledDependencies,
  operator: string,
  paymentId: string,
  asked: HandSettlement,
): Promise<HandSettled> {
  checkSettlement(asked);
  const payment = await dependencies.database.systemTransaction(
    async (db) => await findPayment(db, paymentId),
  );
  if (payment === undefined) throw paymentNotFound();
  try {
    return await settleOpen(dependencies, operator, payment, asked);
  } catch (error) {
    if (!(error instanceof Overtaken)) throw error;
    return await settleOpen(dependencies, operator, payment, asked).catch((again: unknown) => {
      throw again instanceof Overtaken ? stillTried('gateway') : again;
    });
  }
}

async function settleOpen(
  dependencies: SettlingDependencies & UnsettledDependencies,
  operator: string,
  { id: paymentId, accountId }: PaymentRecord,
  asked: HandSettlement,
): Promise<HandSettled> {
  const { database, clock } = dependencies;
  const { payment, open, earlier } = await database.transaction(accountId, async (db) => ({
    payment: await findPayment(db, paymentId),
    open: await findUnsettled(db, paymentId),
    earlier: await findSettledByHand(db, paymentId),
  }));
  if (payment === undefined) throw paymentNotFound();
  if (open === undefined) return asBefore(payment, earlier, asked);
  const prospect = await prospectOf(dependencies, open);
  if (prospect !== 'nobody' && prospect !== 'reconfigured') throw stillTried(prospect);
  const holder = newId('clm');
  const { attemptId, askedAmount: amount, ...attempt } = open;
  const settled = await settle(
    dependencies,
    { ...attempt, id: attemptId, amount },
    settlementOf(asked, holder),
    {
      guard: async (db) => {
        if (!(await takeUnsettled(db, attemptId, holder, clock.now()))) throw new Overtaken();
      },
      written: async (db) => await signSettlement(db, attemptId, operator, asked.reason),
      audited: [resolved(operator, open, asked)],
    },
  );
  if (settled?.payment === undefined) throw new Overtaken();
  return handSettled(settled.payment, open, asked, false);
}

function settlementOf(
  { outcome, providerReference, authorizationCode }: HandSettlement,
  holder: string,
): Settlement {
  if (outcome === 'never_arrived') return { kind: 'failed', failure: 'never_arrived', holder };
  if (outcome === 'declined') {
    const named = providerReference !== undefined && { providerReference };
    const refusal = { result: 'declined', reason: 'generic_decline', rawCode: 'settled_by_hand' } as const;
    return { kind: 'outcome', outcome: { ...refusal, ...named } };
  }
  return {
    kind: 'outcome',
    outcome: {
      result: 'succeeded',
      // A success without one was refused before.
      providerReference: providerReference ?? '',
      ...(authorizationCode !== undefined && { authorizationCode }),
    },
  };
}

const STATES = { succeeded: 'succeeded', declined: 'declined', never_arrived: 'failed' } as const;

/** Nothing is open: it is what was settled so before, or it is refused. */
function asBefore(
  payment: PaymentRecord,
  earlier: SettledByHand | undefined,
  asked: HandSettlement,
): HandSettled {
  if (earlier === undefined) {
    throw new HushtoneError(
      'payment_not_unsettled',
      'conflict',
      `Nothing of this payment is unsettled; it is ${payment.status}.`,
    );
  }
  const { outcome, providerReference = null, authorizationCode } = asked;
  const same =
    earlier.state === STATES[outcome] &&
    earlier.providerReference === providerReference &&
    (authorizationCode === undefined || earlier.authorizationCode === authorizationCode);
  if (same) return handSettled(payment, earlier, asked, true);
  throw new HushtoneError(
    'payment_settled_otherwise',
    'conflict',
    `The ${earlier.operation} was settled by hand already, and otherwise (${earlier.state}). An end is final.`,
  );
}

function handSettled(
  { accountId, id: paymentId, status: paymentStatus }: PaymentRecord,
  { attemptId, operation }: Pick<SettledByHand, 'attemptId' | 'operation'>,
  { outcome }: HandSettlement,
  repeated: boolean,
): HandSettled {
  return { accountId, paymentId, attemptId, operation, outcome, paymentStatus, repeated };
}

const STILL_TRIED = {
  gateway: [
    'payment_under_way',
    'A gateway has it under way, or takes it up as soon as one runs. Look again in some minutes.',
  ],
  lookup: [
    'payment_looked_up',
    'Its provider can be asked, and is asked again and again: what it says counts.',
  ],
  resend: [
    'payment_looked_up',
    'It may still be sent again, for ten minutes after it was asked for. Look again then.',
  ],
  unusable: [
    'provider_unusable',
    'Its provider cannot be connected with its stored configuration: set that right first.',
  ],
} as const satisfies Partial<Record<Prospect, readonly [code: string, message: string]>>;

function stillTried(prospect: keyof typeof STILL_TRIED): HushtoneError {
  const [code, message] = STILL_TRIED[prospect];
  return new HushtoneError(code, 'conflict', message);
}

/** The record of who said so, and why. A reference with as many digits as a card number stays out of the trail. */
function resolved(
  operator: string,
  { accountId, paymentId, attemptId, operation, paymentStatus }: UnsettledRecord,
  { outcome, providerReference = '', reason }: HandSettlement,
): AuditEntry {
  const told = providerReference !== '' && !/\d{12}/.test(providerReference);
  return {
    accountId,
    actor: { kind: 'operator', subject: operator },
    operation: 'payment.resolve',
    object: { type: 'payment', id: paymentId },
    result: 'done',
    before: { status: paymentStatus },
    after: {
      attempt_id: attemptId,
      operation,
      outcome,
      ...(told && { provider_reference: providerReference }),
      note: reason,
    },
  };
}
