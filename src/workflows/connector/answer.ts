import { agentMessage } from '../../payments/decline-reasons.ts';
import type { PaymentOutcome } from '../../payments/contract.ts';
import type { PaymentRecord } from '../stores/payment-store.ts';
import type { ConnectorAnswer, ConnectorAnswerBody } from './contract.ts';

export type ConnectorMethod = 'charge' | 'tokenize';

/** What is told about the codes that are not a decline. */
const MESSAGES: Readonly<Record<string, string>> = {
  outcome_unknown: 'What became of the payment is not known yet. Send the same request again.',
  in_progress: 'A request with this transaction_id is being worked on. Send the same request again.',
  transaction_id_reused: 'This transaction_id came with another request.',
  bank_account_not_supported: 'Bank accounts are not taken.',
  provider_not_configured: 'No payment provider is configured for this payment.',
};

/** A request that was refused before anything was sent. `method` is unknown when it could not be read. */
export function refusal(
  method: ConnectorMethod | undefined,
  code: string,
  status: Exclude<ConnectorAnswer['status'], 200> = 400,
): ConnectorAnswer {
  return { status, body: bodyOf(method, null, code, MESSAGES[code] ?? 'The request is refused.') };
}

/** A charge as it is on record now. */
export function answerOfPayment(payment: PaymentRecord): ConnectorAnswer {
  switch (payment.status) {
    case 'declined': {
      const reason = payment.declineReason ?? 'generic_decline';
      return { status: 200, body: bodyOf('charge', null, reason, agentMessage(reason)) };
    }
    case 'failed':
    case 'voided':
      return {
        status: 200,
        body: bodyOf('charge', null, payment.failure ?? 'failed', 'Nothing was taken from the card.'),
      };
    case 'requires_capture':
    case 'processing':
    case 'unknown':
      return refusal('charge', 'outcome_unknown', 503);
    case 'authorized':
    case 'captured':
    case 'partially_refunded':
    case 'refunded':
    default:
      return { status: 200, body: bodyOf('charge', payment.id, null, null) };
  }
}

/** What a provider said to a card that it was to keep. */
export function answerOfTokenization(outcome: PaymentOutcome): ConnectorAnswer {
  if (outcome.result === 'declined') {
    const { reason } = outcome;
    return { status: 200, body: bodyOf('tokenize', null, reason, agentMessage(reason)) };
  }
  return { status: 200, body: bodyOf('tokenize', outcome.providerToken ?? null, null, null) };
}

function bodyOf(
  method: ConnectorMethod | undefined,
  name: string | null,
  error_code: string | null,
  error_message: string | null,
): ConnectorAnswerBody {
  const rest = { error_code, error_message, parameters: {} };
  if (method === undefined) return rest;
  return method === 'charge' ? { charge_id: name, ...rest } : { token_id: name, ...rest };
}
