import { ERROR_CODES_SCHEMA } from '../error-codes.ts';
import { GATEWAY_HEADERS } from '../gateway-headers.ts';
import { SIGNATURE_ALGORITHMS } from '../http-signature/algorithms.ts';
import { DIGEST_ALGORITHMS } from '../http-signature/content-digest.ts';
import { DERIVED_COMPONENTS } from '../http-signature/signature-base.ts';
import { ANSWER_MEMBERS, REQUEST_MEMBERS } from './members.ts';
import { PRESETS } from './presets.ts';

const pem = { type: 'string', minLength: 1, maxLength: 16_384 } as const;
const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength }) as const;

/** Of a member, or of a member of a member. */
const MEMBER_NAME = '[A-Za-z][A-Za-z0-9_-]{0,63}';
const memberName = { type: 'string', pattern: `^${MEMBER_NAME}$` } as const;
const memberPath = { type: 'string', pattern: `^${MEMBER_NAME}(?:\\.${MEMBER_NAME}){0,4}$` } as const;
const memberPathOrNone = { anyOf: [memberPath, { const: '' }] } as const;

/** RFC 9110 section 5.1, in lower case. */
const headerName = { type: 'string', pattern: "^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$" } as const;

/** One that does not change how a request is framed, typed or signed. */
const freeHeaderName = {
  ...headerName,
  not: { enum: [...GATEWAY_HEADERS, 'content-digest', 'signature', 'signature-input'] },
} as const;
const plainValue = { type: ['string', 'number', 'boolean'] } as const;

/** Below base_url; `{provider_reference}` and `{idempotency_key}` stand for themselves. */
const path = {
  type: 'string',
  pattern: "^/(?:[A-Za-z0-9._~!$&'()*+,;=:@%/?-]|\\{provider_reference\\}|\\{idempotency_key\\})*$",
  maxLength: 512,
} as const;

const publicKey = { anyOf: [pem, { type: 'object', required: ['kty', 'n', 'e'] }] } as const;

const named = (names: object, schema: object) => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(Object.keys(names).map((name) => [name, schema])),
});

const OPERATIONS = {
  charge: true,
  authorize: true,
  tokenize: true,
  charge_and_save: true,
  capture: true,
  void: true,
  refund: true,
  lookup: true,
  check: true,
};

export const CONFIGURATION_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: [
    'base_url',
    'client_certificate',
    'client_key',
    'preset',
    'encryption_key',
    'encryption_key_id',
    'paths',
  ],
  properties: {
    base_url: { type: 'string', format: 'uri', pattern: '^https://[^?#]+$', maxLength: 2048 },
    ca: {
      ...pem,
      description: 'Who signs the certificate of the provider. Default: the authorities of the system.',
    },
    client_certificate: pem,
    client_key: { ...pem, writeOnly: true },
    headers: {
      type: 'object',
      maxProperties: 16,
      propertyNames: freeHeaderName,
      additionalProperties: { ...text(4096), pattern: '^[\\x20-\\x7e]+$', writeOnly: true },
      description: 'Sent with every request.',
    },
    preset: { enum: Object.keys(PRESETS) },
    envelope: {
      type: 'object',
      additionalProperties: false,
      properties: {
        field: memberName,
        enc: { enum: ['A256GCM', 'A128GCM'] },
        iat: { enum: ['seconds', 'milliseconds', 'none'] },
        header: {
          type: 'object',
          maxProperties: 16,
          propertyNames: {
            // What the envelope says of itself, and what would change how it is read.
            not: {
              enum: ['alg', 'enc', 'kid', 'iat', 'zip', 'crit', 'b64', 'epk', 'apu', 'apv', 'p2s', 'p2c'],
            },
            maxLength: 64,
          },
          additionalProperties: plainValue,
        },
      },
    },
    encryption_key: publicKey,
    encryption_key_id: text(256),
    signature: {
      type: 'object',
      additionalProperties: false,
      required: ['algorithm', 'key', 'key_id'],
      properties: {
        algorithm: { enum: SIGNATURE_ALGORITHMS },
        key: { ...pem, writeOnly: true, description: 'PEM, or base64 for hmac-sha256.' },
        key_id: { ...text(256), pattern: '^[\\x20-\\x7e]+$' },
        components: {
          type: 'array',
          minItems: 1,
          maxItems: 32,
          uniqueItems: true,
          items: { anyOf: [{ enum: DERIVED_COMPONENTS }, headerName] },
        },
        digest: { enum: DIGEST_ALGORITHMS },
        label: { type: 'string', pattern: '^[a-z][a-z0-9_.*-]{0,31}$' },
        nonce: { type: 'boolean' },
        name_algorithm: { type: 'boolean' },
        tag: { ...text(256), pattern: '^[\\x20-\\x7e]+$' },
      },
    },
    paths: { ...named(OPERATIONS, path), minProperties: 1 },
    idempotency_header: freeHeaderName,
    members: named(REQUEST_MEMBERS, memberPathOrNone),
    fixed_members: {
      type: 'object',
      maxProperties: 32,
      propertyNames: memberPath,
      additionalProperties: plainValue,
    },
    amount_format: { enum: ['minor_units', 'decimal'] },
    stored_cards: { type: 'boolean' },
    partial_amounts: { type: 'boolean' },
    absence_proven_after_s: { type: 'integer', minimum: 1, maximum: 604_800 },
    answers: {
      type: 'object',
      additionalProperties: false,
      properties: {
        protection: { enum: ['none', 'jwe', 'jws'] },
        field: memberName,
        decryption_key: { ...pem, writeOnly: true },
        verification_key: publicKey,
        members: named(ANSWER_MEMBERS, memberPathOrNone),
        succeeded: { type: 'array', minItems: 1, maxItems: 32, items: text(64) },
        declined: { type: 'array', minItems: 1, maxItems: 32, items: text(64) },
        not_found_code: text(64),
        decline_codes: ERROR_CODES_SCHEMA,
      },
    },
  },
} as const;
