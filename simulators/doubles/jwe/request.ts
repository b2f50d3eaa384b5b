import { Ajv2020 } from 'ajv/dist/2020.js';

/** The plaintext of a request, in the members that the adapter writes unless it is told otherwise. */
export interface JweRequest {
  readonly idempotency_key: string;
  readonly operation: string;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly customer_reference?: string;
  readonly initiated_by?: 'cardholder' | 'merchant';
  readonly provider_reference?: string;
  readonly card?: {
    readonly number?: string;
    readonly expiry_month?: string;
    readonly expiry_year?: string;
    readonly security_code?: string;
    readonly postal_code?: string;
    readonly token?: string;
  };
}

const text = { type: 'string', minLength: 1, maxLength: 255 } as const;
const common = {
  idempotency_key: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$' },
  amount: {
    type: 'object',
    additionalProperties: false,
    required: ['value', 'currency'],
    properties: {
      value: { type: 'integer', minimum: 1 },
      currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    },
  },
  reference: text,
} as const;

const payment = (operations: readonly string[], withAmount: boolean) => ({
  type: 'object',
  additionalProperties: false,
  required: ['idempotency_key', 'operation', 'initiated_by', 'card', ...(withAmount ? ['amount'] : [])],
  properties: {
    idempotency_key: common.idempotency_key,
    reference: common.reference,
    ...(withAmount && { amount: common.amount }),
    operation: { enum: operations },
    customer_reference: text,
    initiated_by: { enum: ['cardholder', 'merchant'] },
    card: {
      type: 'object',
      additionalProperties: false,
      properties: {
        number: { type: 'string', pattern: '^\\d{12,19}$' },
        expiry_month: { type: 'string', pattern: '^(?:0[1-9]|1[0-2])$' },
        expiry_year: { type: 'string', pattern: '^20\\d{2}$' },
        security_code: { type: 'string', pattern: '^\\d{3,4}$' },
        postal_code: { type: 'string', pattern: '^\\d{3,16}$' },
        token: text,
      },
      oneOf: [
        { required: ['number', 'expiry_month', 'expiry_year'], not: { required: ['token'] } },
        { required: ['token'], not: { anyOf: [{ required: ['number'] }, { required: ['expiry_month'] }] } },
      ],
    },
  },
});

const modification = (operations: readonly string[], withAmount: boolean) => ({
  type: 'object',
  additionalProperties: false,
  required: ['idempotency_key', 'operation', 'provider_reference', ...(withAmount ? ['amount'] : [])],
  properties: {
    idempotency_key: common.idempotency_key,
    reference: common.reference,
    ...(withAmount && { amount: common.amount }),
    operation: { enum: operations },
    provider_reference: text,
  },
});

const ajv = new Ajv2020({ strict: true, strictRequired: false });
const VALIDATE = ajv.compile({
  oneOf: [
    payment(['charge', 'authorize', 'charge_and_save'], true),
    payment(['tokenize'], false),
    modification(['capture', 'refund'], true),
    modification(['void'], false),
  ],
});

/** Undefined for a plaintext with an unknown member, without a required one, or with one of another shape. */
export function readRequest(value: unknown): JweRequest | undefined {
  return VALIDATE(value) ? (value as unknown as JweRequest) : undefined;
}
