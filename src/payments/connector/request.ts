import type { CardDetails, PaymentRequest } from '../contract.ts';
import { toDecimal } from '../decimal-amount.ts';
import type { BodyChunk, SecretSlice } from '../transport/body.ts';

/** How the connector wants the year: `27` or `2027`. */
export type YearDigits = 2 | 4;

export interface ConnectorBodyOptions {
  readonly yearDigits: YearDigits;
  /** Sent with every request, as the voice platforms send those of their own. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The body of a generic pay connector's request:
 * `{"method","transaction_id","cardnumber","cvv","expiry_month":"08","expiry_year":"27","postal_code",
 * "amount":"12.50","currency_code","description","parameters":{}}`, without the members that there is no value for.
 *
 * Every value that was keyed is a chunk of its own, lent from its secret memory.
 */
export function connectorBody(
  { purpose, idempotencyKey, amount, reference }: PaymentRequest,
  { cardNumber, expiry, securityCode, postalCode }: CardDetails,
  { yearDigits, parameters }: ConnectorBodyOptions,
): readonly BodyChunk[] {
  const method = purpose === 'tokenize' ? 'tokenize' : 'charge';
  const rest = {
    ...(amount !== undefined && { amount: toDecimal(amount), currency_code: amount.currency }),
    ...(reference !== undefined && { description: reference }),
    parameters,
  };
  return [
    JSON.stringify({ method, transaction_id: idempotencyKey }).slice(0, -1),
    ...member('cardnumber', cardNumber),
    ...(securityCode ? member('cvv', securityCode) : []),
    ...(expiry ? member('expiry_month', { of: expiry, start: 0, end: 2 }) : []),
    ...(expiry ? member('expiry_year', { of: expiry, start: 2, end: 4 }, yearDigits === 4 ? '20' : '') : []),
    ...(postalCode ? member('postal_code', postalCode) : []),
    `,${JSON.stringify(rest).slice(1)}`,
  ];
}

function member(name: string, value: CardDetails['cardNumber'] | SecretSlice, before = ''): BodyChunk[] {
  return [`,"${name}":"${before}`, value, '"'];
}
