import type { Intent, PaymentMethod, Refund } from './store.ts';

/** The members that matter, with some of the others that Stripe has. */
export function intentObject(intent: Intent, expanded = false): Record<string, unknown> {
  const lastError = intent.lastError && {
    type: 'card_error',
    code: intent.lastError.code,
    decline_code: intent.lastError.declineCode,
    message: 'Your card was declined.',
  };
  const common = {
    id: intent.id,
    object: intent.object,
    created: intent.created,
    livemode: false,
    customer: intent.customer,
    description: intent.description,
    metadata: intent.metadata,
    next_action: null,
    payment_method: intent.lastError === undefined ? intent.paymentMethod : null,
    payment_method_types: ['card'],
    status: intent.status,
  };
  if (intent.object === 'setup_intent') {
    return { ...common, last_setup_error: lastError ?? null, usage: 'off_session' };
  }
  return {
    ...common,
    amount: intent.amount,
    amount_received: intent.received,
    currency: intent.currency,
    capture_method: intent.captureMethod,
    last_payment_error: lastError ?? null,
    latest_charge: expanded ? chargeObject(intent) : (intent.charge?.id ?? null),
  };
}

function chargeObject({ charge }: Intent): Record<string, unknown> | null {
  if (charge === undefined) return null;
  return {
    id: charge.id,
    object: 'charge',
    payment_method_details: {
      type: 'card',
      card: { authorization_code: charge.authorizationCode, brand: 'visa' },
    },
  };
}

export function refundObject(refund: Refund): Record<string, unknown> {
  return {
    id: refund.id,
    object: 'refund',
    created: refund.created,
    amount: refund.amount,
    currency: refund.currency,
    metadata: refund.metadata,
    payment_intent: refund.paymentIntent,
    status: 'succeeded',
  };
}

export function paymentMethodObject({ id, card, customer }: PaymentMethod): Record<string, unknown> {
  return {
    id,
    object: 'payment_method',
    type: 'card',
    customer,
    livemode: false,
    card: { exp_month: card.expMonth, exp_year: card.expYear, last4: card.number.slice(-4) },
  };
}
