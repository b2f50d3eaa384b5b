import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { CardDetails } from '../contract.ts';
import type { BodyChunk, SecretSlice } from '../transport/body.ts';

/** What a template is filled with. */
export interface TemplateValues {
  readonly card: CardDetails;
  readonly idempotencyKey: string;
  readonly reference?: string;
  readonly customerReference?: string;
}

/** A value that was keyed. */
interface SecretPlaceholder {
  /** Chunks of the value alone; undefined when there is none. */
  readonly chunks: (card: CardDetails) => readonly BodyChunk[] | undefined;
  /** Written as a JSON number: no quotes. */
  readonly number?: true;
}

const MONTH = { start: 0, end: 2 };
const YEAR = { start: 2, end: 4 };
const ZERO = 0x30;

/**
 * What was keyed. `expiry_month` is `08`, `expiry_year` is `2027`, `expiry_year_2` is `27`; those that end with `_number`
 * are JSON numbers, `8` and `2027`.
 */
const SECRETS: Readonly<Record<string, SecretPlaceholder>> = {
  'card.number': { chunks: ({ cardNumber }) => [cardNumber] },
  'card.security_code': { chunks: ({ securityCode }) => whole(securityCode) },
  'card.postal_code': { chunks: ({ postalCode }) => whole(postalCode) },
  'card.expiry_month': { chunks: ({ expiry }) => part(expiry, MONTH) },
  'card.expiry_month_number': { chunks: ({ expiry }) => monthNumber(expiry), number: true },
  'card.expiry_year': { chunks: ({ expiry }) => part(expiry, YEAR, '20') },
  'card.expiry_year_2': { chunks: ({ expiry }) => part(expiry, YEAR) },
  'card.expiry_year_number': { chunks: ({ expiry }) => part(expiry, YEAR, '20'), number: true },
};

const PUBLIC: Readonly<Record<string, (values: TemplateValues) => string | undefined>> = {
  idempotency_key: ({ idempotencyKey }) => idempotencyKey,
  reference: ({ reference }) => reference,
  customer_reference: ({ customerReference }) => customerReference,
};

export const PLACEHOLDER_NAMES: readonly string[] = [...Object.keys(SECRETS), ...Object.keys(PUBLIC)];

export function secretPlaceholder(name: string): SecretPlaceholder | undefined {
  return Object.hasOwn(SECRETS, name) ? SECRETS[name] : undefined;
}

export function publicPlaceholder(
  name: string,
): ((values: TemplateValues) => string | undefined) | undefined {
  return Object.hasOwn(PUBLIC, name) ? PUBLIC[name] : undefined;
}

function whole(secret: SecretBuffer | undefined): readonly BodyChunk[] | undefined {
  return secret && [secret];
}

function part(
  expiry: SecretBuffer | undefined,
  { start, end }: Omit<SecretSlice, 'of'>,
  before?: string,
): readonly BodyChunk[] | undefined {
  if (expiry === undefined) return undefined;
  return [...(before === undefined ? [] : [before]), { of: expiry, start, end }];
}

/** RFC 8259, section 6: no zero leads a number. */
function monthNumber(expiry: SecretBuffer | undefined): readonly BodyChunk[] | undefined {
  const leads = expiry?.use((digits) => digits[0] === ZERO);
  return part(expiry, leads === true ? { start: 1, end: 2 } : MONTH);
}
