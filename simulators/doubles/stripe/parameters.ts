import type { DoubleRequest } from '../route.ts';
import { invalid } from './refusals.ts';

/** What an endpoint takes: every name with the shape of its value. */
export interface Parameters {
  readonly required?: Readonly<Record<string, RegExp>>;
  readonly optional?: Readonly<Record<string, RegExp>>;
  readonly metadata?: true;
}

export type Form = ReadonlyMap<string, string>;

const METADATA = /^metadata\[[^\]]{1,40}\]$/;
const LONGEST_METADATA = 500;
const LONGEST_TEXT = 5000;

const ID = (prefix: string): RegExp => new RegExp(`^${prefix}_[A-Za-z0-9_]{3,255}$`);
const TEXT = new RegExp(`^[^]{1,${LONGEST_TEXT}}$`);
const AMOUNT = /^[1-9]\d{0,11}$/;
const TRUE = /^true$/;

const LIST = { limit: /^(?:[1-9]\d?|100)$/, starting_after: TEXT };
const CREATED = { 'created[gte]': /^\d{1,12}$/ };
const CARD_ONLY = { 'allowed_payment_method_types[0]': /^card$/ };
const MOTO = { 'payment_method_options[card][moto]': TRUE };

export const PARAMETERS = {
  createPaymentMethod: {
    required: {
      type: /^card$/,
      'card[number]': /^\d{12,19}$/,
      'card[exp_month]': /^\d{1,2}$/,
      'card[exp_year]': /^\d{4}$/,
    },
    optional: { 'card[cvc]': /^\d{3,4}$/, 'billing_details[address][postal_code]': /^\d{3,16}$/ },
  },
  createCustomer: { metadata: true },
  createToken: { required: { 'cvc_update[cvc]': /^\d{3,4}$/ } },
  createPaymentIntent: {
    required: {
      amount: AMOUNT,
      currency: /^[a-z]{3}$/,
      confirm: TRUE,
      payment_method: ID('pm'),
      ...CARD_ONLY,
    },
    optional: {
      capture_method: /^(?:automatic|manual)$/,
      customer: ID('cus'),
      setup_future_usage: /^off_session$/,
      off_session: TRUE,
      error_on_requires_action: TRUE,
      'payment_method_options[card][cvc_token]': ID('cvctok'),
      ...MOTO,
      description: TEXT,
      'expand[0]': /^latest_charge$/,
    },
    metadata: true,
  },
  createSetupIntent: {
    required: { confirm: TRUE, payment_method: ID('pm'), ...CARD_ONLY },
    optional: { customer: ID('cus'), usage: /^off_session$/, ...MOTO, description: TEXT },
    metadata: true,
  },
  capture: { optional: { amount_to_capture: AMOUNT }, metadata: true },
  cancel: { optional: { cancellation_reason: /^requested_by_customer$/ } },
  createRefund: { required: { payment_intent: ID('pi') }, optional: { amount: AMOUNT }, metadata: true },
  listIntents: { optional: { ...LIST, ...CREATED } },
  listRefunds: { optional: { ...LIST, payment_intent: ID('pi') } },
  readIntent: { optional: { 'expand[0]': /^latest_charge$/ } },
  readPaymentMethod: {},
} satisfies Record<string, Parameters>;

/** Reads a form or a query strictly. Throws a `Refusal` with 400; no digit is in it. */
export function readParameters(request: DoubleRequest, parameters: Parameters): Form {
  const pairs = request.method === 'GET' ? [...request.query] : formPairs(request);
  const form = new Map(pairs);
  if (form.size !== pairs.length) throw invalid('A parameter was sent twice.');
  const { required = {}, optional = {} } = parameters;
  for (const name of Object.keys(required)) {
    if (!form.has(name)) {
      throw invalid(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
    }
  }
  for (const [name, value] of pairs) refuseWrong(name, value, { ...required, ...optional }, parameters);
  return form;
}

function refuseWrong(
  name: string,
  value: string,
  known: Readonly<Record<string, RegExp>>,
  { metadata }: Parameters,
): void {
  if (metadata === true && METADATA.test(name)) {
    if (value.length <= LONGEST_METADATA) return;
    throw invalid('Metadata values can have up to 500 characters.', { param: name });
  }
  if (name.startsWith('payment_method_types')) {
    throw invalid('This parameter is not supported any more.', {
      code: 'payment_method_types_no_longer_supported',
      param: 'payment_method_types',
    });
  }
  const shape = Object.hasOwn(known, name) ? known[name] : undefined;
  if (shape === undefined) {
    const shown = name.replaceAll(/\d/g, '•');
    throw invalid(`Received unknown parameter: ${shown}`, { code: 'parameter_unknown', param: shown });
  }
  if (!shape.test(value)) {
    throw invalid(`Invalid ${name}.`, { code: 'parameter_invalid_string', param: name });
  }
}

function formPairs({ headers, body }: DoubleRequest): [string, string][] {
  if (body.length > 0 && headers['content-type'] !== 'application/x-www-form-urlencoded') {
    throw invalid('The body must be application/x-www-form-urlencoded.');
  }
  return [...new URLSearchParams(body.toString('utf8'))];
}
