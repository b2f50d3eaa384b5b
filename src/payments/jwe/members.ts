import { HushtoneError } from '../../kernel/errors.ts';
import type { EnvelopeObject, EnvelopeValue } from '../envelope-plaintext.ts';

/** What a request is made of, and where it stands in the plaintext: names with dots are members of members. */
export const REQUEST_MEMBERS = {
  idempotency_key: 'idempotency_key',
  operation: 'operation',
  amount: 'amount.value',
  currency: 'amount.currency',
  reference: 'reference',
  customer_reference: 'customer_reference',
  initiated_by: 'initiated_by',
  provider_reference: 'provider_reference',
  token: 'card.token',
  card_number: 'card.number',
  /** MMYY; left out by default, since most want the two apart. */
  expiry: '',
  expiry_month: 'card.expiry_month',
  /** Two digits. */
  expiry_year_short: '',
  /** Four digits. */
  expiry_year: 'card.expiry_year',
  security_code: 'card.security_code',
  postal_code: 'card.postal_code',
} as const;
export type RequestMember = keyof typeof REQUEST_MEMBERS;

/** Where an answer has what is read of it. An empty name: the answer does not have it. */
export const ANSWER_MEMBERS = {
  idempotency_key: 'idempotency_key',
  result: 'result',
  provider_reference: 'id',
  authorization_code: 'authorization_code',
  token: 'token',
  decline_code: 'decline_code',
  /** Of an error: what a status alone does not say. */
  error_code: 'code',
} as const;
export type AnswerMember = keyof typeof ANSWER_MEMBERS;

export type RequestNames = Readonly<Record<RequestMember, string>>;
export type AnswerNames = Readonly<Record<AnswerMember, string>>;

type Draft = { [member: string]: EnvelopeValue | Draft };

/**
 * Puts values where their names say. Throws `provider_configuration` when two names are in each other's way: `card` and
 * `card.number`, or the same name twice.
 */
export function placed(values: readonly (readonly [name: string, value: EnvelopeValue])[]): EnvelopeObject {
  const root: Draft = Object.create(null) as Draft;
  for (const [name, value] of values) {
    const path = name.split('.');
    const last = path.pop() ?? '';
    let place = root;
    for (const step of path) {
      const next = place[step] ?? (Object.create(null) as Draft);
      if (!isDraft(next)) throw inTheWay(name);
      place[step] = next;
      place = next;
    }
    if (last in place) throw inTheWay(name);
    place[last] = value;
  }
  return root;
}

/** The value at a name with dots, or undefined. */
export function valueAt(object: Readonly<Record<string, unknown>>, name: string): unknown {
  if (name === '') return undefined;
  let place: unknown = object;
  for (const step of name.split('.')) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, step)) return undefined;
    place = (place as Record<string, unknown>)[step];
  }
  return place;
}

/** Only what `placed` has made itself: a value of the configuration is none. */
function isDraft(value: EnvelopeValue | Draft): value is Draft {
  return typeof value === 'object' && Object.getPrototypeOf(value) === null;
}

function inTheWay(name: string): HushtoneError {
  return new HushtoneError(
    'provider_configuration',
    'invalid',
    `the member ${name} is in the way of another one, or is there twice`,
  );
}
