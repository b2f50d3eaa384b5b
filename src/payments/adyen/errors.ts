import type { PaymentOutcome } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { failureOfStatus } from '../transport/failure.ts';
import { readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import { CARD_ERRORS } from './refusals.ts';

/** `101`, `905_1`, `29_001`. */
const ERROR_CODE = /^[0-9A-Za-z]{1,10}(?:_[0-9A-Za-z]{1,10})?$/;

/** The request with this Idempotency-Key is being processed, or was processed and its answer is not at hand. */
const IN_PROGRESS = '704';
/** The record of earlier keys is out of reach, so it cannot be told whether this is a repetition. */
const KEYS_OUT_OF_REACH = '703';

/** `Original pspReference required for this operation`: there is no such payment. */
const NO_SUCH_PAYMENT = '167';

export interface AdyenError {
  /** `errorCode`, when the body is one of Adyen's errors. */
  readonly code?: string;
  /** `errorType`: `validation`, `security`, `configuration` or `internal`. */
  readonly type?: string;
}

/** What is known of an answer that is not 2xx. Its message is not: it may quote what was sent. */
export function readError({ body }: TransportAnswer): AdyenError {
  const error = readJsonObject(body);
  const code = readText(error?.['errorCode'], ERROR_CODE);
  const type = readText(error?.['errorType'], /^[a-z]{1,20}$/);
  return { ...(code !== undefined && { code }), ...(type !== undefined && { type }) };
}

/** The decline in an error that is about the card. Throws a `ProviderError` for every other. */
export function declineOf(answer: TransportAnswer, operation: 'pay' | 'modify'): PaymentOutcome {
  const { code } = readError(answer);
  refuseUncertain(answer, code);
  const [family = ''] = (code ?? '').split('_');
  const reason = operation === 'pay' && Object.hasOwn(CARD_ERRORS, family) ? CARD_ERRORS[family] : undefined;
  if (code !== undefined && reason !== undefined) return { result: 'declined', reason, rawCode: code };
  if (operation === 'modify' && family === NO_SUCH_PAYMENT) {
    return { result: 'declined', reason: 'not_modifiable', rawCode: family };
  }
  const failure = failureOfStatus(answer.status);
  throw new ProviderError(
    failure,
    `Adyen answered ${answer.status}${code === undefined ? '' : ` with error ${code}`}`,
  );
}

/**
 * A transient error is Adyen's word that the same key may be sent again, not that nothing was processed: an earlier
 * request under this key may still be under way.
 */
function refuseUncertain({ headers, status }: TransportAnswer, code: string | undefined): void {
  if (headers['transient-error'] === 'true' || code === IN_PROGRESS || code === KEYS_OUT_OF_REACH) {
    throw new ProviderError('unknown_outcome', `Adyen cannot tell yet what became of it (${code ?? status})`);
  }
}
