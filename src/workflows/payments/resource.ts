import { agentMessage } from '../../payments/decline-reasons.ts';
import type { PaymentRecord } from '../stores/payment-store.ts';
import type { PaymentDetails } from './contract.ts';

/** A payment in openapi.yaml's words. */
export function paymentDetails(payment: PaymentRecord): PaymentDetails {
  const { currency, brand, last4, providerId, providerKind, declineReason } = payment;
  const providerToken = payment.providerToken ?? payment.sourceProviderToken;
  const money = (value: number) => ({ value, currency });
  return {
    id: payment.id,
    status: payment.status,
    mode: payment.mode,
    purpose: payment.purpose,
    amount: money(payment.amount),
    amount_captured: money(payment.amountCaptured),
    amount_refunded: money(payment.amountRefunded),
    ...(payment.reference !== null && { reference: payment.reference }),
    ...(payment.customerReference !== null && { customer_reference: payment.customerReference }),
    ...(payment.captureId !== null && { capture_id: payment.captureId }),
    ...(payment.callId !== null && { call_id: payment.callId }),
    ...((brand !== null || last4 !== null) && {
      card: { ...(brand !== null && { brand }), ...(last4 !== null && { last4 }) },
    }),
    ...(payment.token !== null && { token: payment.token }),
    ...(providerToken !== null && { provider_token: providerToken }),
    ...(providerId !== null && providerKind !== null && { provider: { id: providerId, kind: providerKind } }),
    ...(payment.providerReference !== null && { provider_reference: payment.providerReference }),
    ...(payment.authorizationCode !== null && { authorization_code: payment.authorizationCode }),
    ...(declineReason !== null && {
      decline_reason: declineReason,
      agent_message: agentMessage(declineReason),
    }),
    ...(payment.failure !== null && { failure: payment.failure }),
    ...(payment.pending !== null && { pending: payment.pending }),
    created_at: payment.createdAt.toISOString(),
    updated_at: payment.updatedAt.toISOString(),
  };
}
