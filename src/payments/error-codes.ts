import type { DeclineReason } from './contract.ts';

/** Complete, or it does not compile. */
const REASONS: Readonly<Record<DeclineReason, true>> = {
  generic_decline: true,
  insufficient_funds: true,
  limit_exceeded: true,
  expired_card: true,
  incorrect_number: true,
  incorrect_security_code: true,
  incorrect_pin: true,
  card_not_supported: true,
  currency_not_supported: true,
  lost_or_stolen: true,
  suspected_fraud: true,
  call_issuer: true,
  authentication_required: true,
  not_modifiable: true,
  processing_error: true,
};

/** A provider's own codes of a decline and what they mean. A code that is not there is a `generic_decline`. */
export type ErrorCodes = Readonly<Record<string, DeclineReason>>;

/** JSON Schema of `ErrorCodes`, for configurations. */
export const ERROR_CODES_SCHEMA: Readonly<Record<string, unknown>> = {
  type: 'object',
  maxProperties: 500,
  propertyNames: { type: 'string', pattern: '^[\\w.:-]{1,64}$' },
  additionalProperties: { enum: Object.keys(REASONS) },
};

/** What stands for a code that may not be shown: too long, or with digits that could be of a card number. */
const UNREADABLE_CODE = 'unreadable_code';
const SHOWN_CODE = /^[\w.:-]{1,64}$/;
const LONG_NUMBER = /\d{7}/;

/** The reason and the raw code of a decline. `code` is what the provider wrote. */
export function declineOf(
  code: string,
  errorCodes: ErrorCodes,
): { readonly reason: DeclineReason; readonly rawCode: string } {
  const reason = Object.hasOwn(errorCodes, code) ? errorCodes[code] : undefined;
  const isShown = SHOWN_CODE.test(code) && !LONG_NUMBER.test(code);
  return { reason: reason ?? 'generic_decline', rawCode: isShown ? code : UNREADABLE_CODE };
}
