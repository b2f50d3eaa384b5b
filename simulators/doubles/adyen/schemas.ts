import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { ModificationBody, PaymentBody } from './payments.ts';
import { refusal } from './refusals.ts';

const amount = {
  type: 'object',
  additionalProperties: false,
  required: ['value', 'currency'],
  properties: {
    value: { type: 'integer', minimum: 0 },
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
  },
} as const;

const modified = {
  merchantAccount: { type: 'string', minLength: 1 },
  reference: { type: 'string', minLength: 1, maxLength: 80 },
} as const;

const jwe = { type: 'string', minLength: 1, maxLength: 4096 } as const;

const modification = (withAmount: boolean) => ({
  type: 'object',
  additionalProperties: false,
  required: ['merchantAccount', ...(withAmount ? ['amount'] : [])],
  properties: { ...modified, ...(withAmount && { amount: { ...amount } }) },
});

/** What Checkout v72 takes of the requests that a telephone payment is made of, and nothing else. */
const SCHEMAS = {
  payment: {
    type: 'object',
    additionalProperties: false,
    required: ['merchantAccount', 'amount', 'reference', 'returnUrl', 'paymentMethod', 'shopperInteraction'],
    properties: {
      ...modified,
      amount,
      returnUrl: { type: 'string', pattern: '^https?://' },
      paymentMethod: {
        type: 'object',
        additionalProperties: false,
        required: ['type'],
        properties: {
          type: { const: 'scheme' },
          encryptedCard: jwe,
          storedPaymentMethodId: { type: 'string', minLength: 1 },
          encryptedSecurityCode: jwe,
        },
        oneOf: [
          { required: ['encryptedCard'], not: { required: ['encryptedSecurityCode'] } },
          { required: ['storedPaymentMethodId'] },
        ],
      },
      shopperInteraction: { enum: ['Moto', 'ContAuth'] },
      captureDelayHours: { type: 'integer', minimum: 0, maximum: 672 },
      additionalData: {
        type: 'object',
        additionalProperties: false,
        properties: { manualCapture: { enum: ['true', 'false'] } },
      },
      storePaymentMethod: { type: 'boolean' },
      shopperReference: { type: 'string', minLength: 3, maxLength: 256 },
      recurringProcessingModel: { enum: ['CardOnFile', 'Subscription', 'UnscheduledCardOnFile'] },
    },
  },
  captures: modification(true),
  refunds: modification(true),
  cancels: modification(false),
  reversals: modification(false),
  paymentMethods: {
    type: 'object',
    additionalProperties: false,
    required: ['merchantAccount'],
    properties: { merchantAccount: modified.merchantAccount },
  },
} as const;

export type RequestName = keyof typeof SCHEMAS;

interface Bodies extends Record<RequestName, unknown> {
  readonly payment: PaymentBody;
  readonly captures: ModificationBody;
  readonly refunds: ModificationBody;
  readonly cancels: ModificationBody;
  readonly reversals: ModificationBody;
  readonly paymentMethods: { readonly merchantAccount: string };
}

const ajv = new Ajv2020({ strict: true, strictRequired: false });
const VALIDATORS = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [name, ajv.compile(schema)]),
) as Record<RequestName, ValidateFunction>;

/** Reads a body strictly: an unknown member, or a required one that is missing, is refused with 422. */
export function readBody<Name extends RequestName>(
  name: Name,
  contentType: string | undefined,
  body: Buffer,
): Bodies[Name] {
  if (!/^application\/json\b/.test(contentType ?? '')) throw refusal(415, '000', 'Unsupported media type');
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw refusal(400, '702', 'The request could not be parsed');
  }
  const validate = VALIDATORS[name];
  if (!validate(value)) {
    // Where, and not what: a value may be part of a card.
    const where = validate.errors?.map(({ instancePath, keyword }) => `${instancePath || '/'} ${keyword}`);
    throw refusal(422, '130', `Structure of ${name} is wrong: ${where?.join(', ')}`);
  }
  return value as Bodies[Name];
}
