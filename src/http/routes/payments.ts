import type { FastifyRequest } from 'fastify';
import type {
  NewPayment,
  PaymentChange,
  PaymentDesk,
  PaymentListing,
} from '../../workflows/payments/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';
import { claimOf } from '../idempotency.ts';

const paymentIdOf = (request: FastifyRequest): string =>
  (request.params as { payment_id: string }).payment_id;
const changeOf = (request: FastifyRequest): PaymentChange => request.body ?? {};

/** The operations of the tag `payments`. */
export function paymentHandlers(payments: PaymentDesk): Handlers {
  return {
    async createPayment(request, reply) {
      const payment = await payments.create(
        principalOf(request),
        request.body as NewPayment,
        claimOf(request),
      );
      reply.code(201).header('location', `/v1/payments/${payment.id}`);
      return payment;
    },
    listPayments: async (request) =>
      await payments.page(principalOf(request), request.query as PaymentListing),
    getPayment: async (request) => await payments.get(principalOf(request), paymentIdOf(request)),
    capturePayment: async (request) =>
      await payments.capture(principalOf(request), paymentIdOf(request), changeOf(request), claimOf(request)),
    voidPayment: async (request) =>
      await payments.void(principalOf(request), paymentIdOf(request), claimOf(request)),
    refundPayment: async (request) =>
      await payments.refund(principalOf(request), paymentIdOf(request), changeOf(request), claimOf(request)),
  };
}
