import { ERROR_CODES_SCHEMA, type ErrorCodes } from '../error-codes.ts';

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * What an answer has to say beside its status: JSON Pointers (RFC 6901), and what stands at each. All of them hold, or
 * the answer is not the one that is meant. There is no null: a change of a configuration (RFC 7396) could not send it.
 */
export type Conditions = Readonly<Record<string, boolean | number | string>>;

/**
 * How one vault-style tokenizer is asked to keep a card, as data.
 *
 * Placeholders of the body stand for a whole text, `"{{card.number}}"`, and nothing else does: see `placeholders.ts`. A
 * member whose placeholder has no value is left out. `{{idempotency_key}}`, `{{reference}}` and `{{customer_reference}}`
 * may stand in headers as well; what was keyed may not.
 */
export interface Template {
  /** Where it is reached, `https:`. Absent: the configuration says where. */
  readonly url?: { readonly test?: string; readonly live?: string };
  readonly authentication:
    /** None of `GATEWAY_HEADERS`. */
    | { readonly scheme: 'header'; readonly name: string }
    /** RFC 7617; the user name is part of the configuration. */
    | { readonly scheme: 'basic' }
    /** RFC 6750. */
    | { readonly scheme: 'bearer' };
  /** How credentials of each mode begin; the longest beginning that fits decides. */
  readonly credential_prefixes?: { readonly test?: readonly string[]; readonly live?: readonly string[] };
  readonly request: {
    /** Appended to the address; begins with a slash. */
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: { readonly [name: string]: Json };
  };
  readonly answer: {
    /** Statuses of a card that was kept, and JSON Pointers (RFC 6901) into such an answer. */
    readonly succeeded: {
      readonly statuses: readonly number[];
      readonly where?: Conditions;
      readonly token: string;
      /** The tokenizer's name of what it did. Default: the token. */
      readonly reference?: string;
    };
    /** Statuses of a card that was refused. A code that is not among `codes` is a refused request, no declined card. */
    readonly declined?: {
      readonly statuses: readonly number[];
      readonly where?: Conditions;
      readonly code: string;
      readonly codes: ErrorCodes;
    };
    /** Where any other answer says what is wrong. Digits are taken out before it is shown. */
    readonly error?: { readonly code?: string; readonly message?: string };
  };
  /** Something harmless that wants the credentials. 401 and 403 mean that they are wrong. */
  readonly check: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly body?: { readonly [name: string]: Json };
  };
}

const PATH = { type: 'string', pattern: '^/[\\x21-\\x7e]*$', maxLength: 1024 };
const STATUSES = {
  type: 'array',
  minItems: 1,
  maxItems: 20,
  uniqueItems: true,
  items: { type: 'integer', minimum: 200, maximum: 499 },
};
const POINTER = { type: 'string', pattern: '^(?:/(?:[^~/]|~[01])*)*$', maxLength: 256 };
const CONDITIONS = {
  type: 'object',
  minProperties: 1,
  maxProperties: 10,
  propertyNames: { ...POINTER, minLength: 1 }, // the whole answer is an object, and equals nothing
  additionalProperties: {
    anyOf: [{ type: 'string', maxLength: 256 }, { type: 'number' }, { type: 'boolean' }],
  },
};
const ADDRESS = { type: 'string', format: 'uri', pattern: '^https://', maxLength: 2048 };
const PREFIXES = { type: 'array', maxItems: 10, items: { type: 'string', minLength: 1, maxLength: 64 } };
const HEADER_NAME = { type: 'string', pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$" }; // RFC 9110, 5.6.2

const object = (required: readonly string[], properties: Readonly<Record<string, unknown>>) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

/**
 * JSON Schema (2020-12) of `Template`. What it cannot say `compileTemplate` checks: where a placeholder may stand, which
 * headers are the gateway's, and that a kept card can be told from a refused one.
 */
export const TEMPLATE_SCHEMA: Readonly<Record<string, unknown>> = object(
  ['authentication', 'request', 'answer', 'check'],
  {
    url: object([], { test: ADDRESS, live: ADDRESS }),
    authentication: {
      oneOf: [
        object(['scheme', 'name'], { scheme: { const: 'header' }, name: HEADER_NAME }),
        object(['scheme'], { scheme: { enum: ['basic', 'bearer'] } }),
      ],
    },
    credential_prefixes: object([], { test: PREFIXES, live: PREFIXES }),
    request: object(['path', 'body'], {
      path: PATH,
      headers: {
        type: 'object',
        maxProperties: 20,
        propertyNames: HEADER_NAME,
        additionalProperties: { type: 'string', pattern: '^[\\x20-\\x7e]*$', maxLength: 1024 },
      },
      body: { type: 'object', minProperties: 1 },
    }),
    answer: object(['succeeded'], {
      succeeded: object(['statuses', 'token'], {
        statuses: STATUSES,
        where: CONDITIONS,
        token: POINTER,
        reference: POINTER,
      }),
      declined: object(['statuses', 'code', 'codes'], {
        statuses: STATUSES,
        where: CONDITIONS,
        code: POINTER,
        codes: ERROR_CODES_SCHEMA,
      }),
      error: object([], { code: POINTER, message: POINTER }),
    }),
    check: object(['method', 'path'], {
      method: { enum: ['GET', 'POST'] },
      path: PATH,
      body: { type: 'object' },
    }),
  },
);
