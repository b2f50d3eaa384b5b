import { HushtoneError } from '../../kernel/errors.ts';
import type { Actor, IdempotencyClaim } from '../contract.ts';
import { findPayment } from '../stores/payment-store.ts';
import type { PaymentDesk } from './contract.ts';
import { createPayment } from './create.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { listPayments } from './list.ts';
import { modifyPayment, paymentNotFound, type AskedChange } from './modify.ts';
import { paymentDetails } from './resource.ts';

/** The payments of every account, behind the contract that `http` offers to clients. */
export function createPaymentDesk(options: PaymentDependencies): PaymentDesk {
  const change = async (
    actor: Actor,
    paymentId: string,
    asked: AskedChange,
    claim: IdempotencyClaim | undefined,
  ) => {
    refuseOthers(actor);
    return paymentDetails(await modifyPayment(options, actor, paymentId, asked, claim));
  };
  return {
    async create(actor, request, claim) {
      if (!actor.reach.includes('account')) {
        throw new HushtoneError(
          'role_forbidden',
          'forbidden',
          'Payments are for those who see the whole account.',
        );
      }
      return paymentDetails(await createPayment(options, actor, request, claim));
    },

    async get(actor, paymentId) {
      refuseOthers(actor);
      const payment = await options.database.transaction(
        actor.accountId,
        async (db) => await findPayment(db, paymentId),
      );
      if (payment === undefined) throw paymentNotFound();
      return paymentDetails(payment);
    },

    async page(actor, listing) {
      if (!actor.reach.includes('account')) return { payments: [] };
      return await listPayments(options.database, actor.accountId, listing);
    },

    async capture(actor, paymentId, { amount }, claim) {
      return await change(
        actor,
        paymentId,
        { modification: 'capture', ...(amount !== undefined && { amount }) },
        claim,
      );
    },

    async void(actor, paymentId, claim) {
      return await change(actor, paymentId, { modification: 'void' }, claim);
    },

    async refund(actor, paymentId, { amount }, claim) {
      return await change(
        actor,
        paymentId,
        { modification: 'refund', ...(amount !== undefined && { amount }) },
        claim,
      );
    },
  };
}

/** A payment is its account's; nobody reaches a part of them. */
function refuseOthers(actor: Actor): void {
  if (!actor.reach.includes('account')) throw paymentNotFound();
}
