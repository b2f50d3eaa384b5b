import type { Amount } from '../../../src/payments/contract.ts';
import { fromDecimal } from '../../../src/payments/decimal-amount.ts';
import type { DoubleRequest, Refusal } from '../route.ts';

export interface ConnectorRequest {
  readonly method: 'charge' | 'tokenize';
  readonly transactionId: string;
  readonly cardNumber: string;
  /** MMYY. */
  readonly expiry?: string;
  readonly securityCode?: string;
  readonly postalCode?: string;
  readonly amount?: Amount;
  readonly description?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The members of the contract, all of them texts but `parameters`. */
const TEXTS: Readonly<Record<string, RegExp>> = {
  method: /^(?:charge|tokenize)$/,
  transaction_id: /^[\w.:-]{1,64}$/,
  cardnumber: /^\d{12,19}$/,
  cvv: /^\d{3,4}$/,
  expiry_month: /^(?:0[1-9]|1[0-2])$/,
  expiry_year: /^(?:20)?\d{2}$/,
  postal_code: /^\d{3,16}$/,
  amount: /^\d+(?:\.\d+)?$/,
  currency_code: /^[A-Z]{3}$/,
  description: /^.{1,255}$/s,
};
const REQUIRED = ['method', 'transaction_id', 'cardnumber', 'expiry_month', 'expiry_year', 'parameters'];

/** Reads a request strictly: whatever is not in the contract is refused. */
export function readConnectorRequest(
  { headers, body }: DoubleRequest,
  refuse: (code: string) => Refusal,
): ConnectorRequest {
  if (headers['content-type'] !== 'application/json') throw refuse('content_type');
  const members = parse(body, refuse);
  for (const name of REQUIRED) if (members[name] === undefined) throw refuse(`missing_${name}`);
  for (const [name, value] of Object.entries(members)) {
    const shape = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined;
    if (shape === undefined && name !== 'parameters') throw refuse('unknown_member');
    if (shape !== undefined && !(typeof value === 'string' && shape.test(value))) throw refuse(`bad_${name}`);
  }
  const texts = members as Readonly<Record<string, string>>;
  const { method, transaction_id: transactionId = '', cardnumber: cardNumber = '', cvv } = texts;
  const { expiry_month: month = '', expiry_year: year = '', postal_code: postalCode, description } = texts;
  const amount = readAmount(texts, refuse);
  return {
    method: method === 'charge' ? 'charge' : 'tokenize',
    transactionId,
    cardNumber,
    expiry: `${month}${year.slice(-2)}`,
    ...(cvv !== undefined && { securityCode: cvv }),
    ...(postalCode !== undefined && { postalCode }),
    ...(amount !== undefined && { amount }),
    ...(description !== undefined && { description }),
    parameters: readParameters(members['parameters'], refuse),
  };
}

function parse(body: Buffer, refuse: (code: string) => Refusal): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw refuse('malformed_json');
}

/** Decimals after the currency, and a currency wherever there is an amount. */
function readAmount(
  { method, amount, currency_code: currency }: Readonly<Record<string, string>>,
  refuse: (code: string) => Refusal,
): Amount | undefined {
  if (method === 'tokenize') {
    if (amount !== undefined || currency !== undefined) throw refuse('amount_of_a_token');
    return undefined;
  }
  if (amount === undefined || currency === undefined) throw refuse('missing_amount');
  const parsed = fromDecimal(amount, currency);
  if (parsed === undefined || parsed.value === 0) throw refuse('bad_amount');
  return parsed;
}

function readParameters(value: unknown, refuse: (code: string) => Refusal): Record<string, string> {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || Object.values(value).some((entry) => typeof entry !== 'string'))
    throw refuse('bad_parameters');
  return value as Record<string, string>;
}
