import type { Amount, CardDetails, ModificationRequest, PaymentRequest } from '../contract.ts';
import { toDecimal } from '../decimal-amount.ts';
import {
  sealEnvelope,
  SecretDigits,
  type EnvelopeObject,
  type EnvelopeValue,
} from '../envelope-plaintext.ts';
import { ProviderError } from '../errors.ts';
import type { JweConfiguration } from './configuration.ts';
import { placed, type RequestMember } from './members.ts';

/** Cards expire in this century: an expiry is keyed as MMYY. */
const CENTURY = '20';

/** What providers name payments and cards by; nothing of it could lead an address elsewhere. */
const PROVIDER_NAME = /^[A-Za-z0-9][\w.:-]{0,127}$/;

type Values = Readonly<Partial<Record<RequestMember, EnvelopeValue | undefined>>>;

/** The plaintext of a payment: only what is in secret memory is secret, but all of it is encrypted. */
export function paymentPlaintext(request: PaymentRequest, configuration: JweConfiguration): EnvelopeObject {
  const { card, stored, purpose, idempotencyKey, customerReference, reference, initiatedBy } = request;
  if (stored !== undefined) requireName(stored.providerToken, 'token of a card');
  return plaintext(
    {
      idempotency_key: idempotencyKey,
      operation: purpose,
      ...amountOf(request.amount, configuration),
      reference,
      customer_reference: customerReference,
      initiated_by: initiatedBy ?? 'cardholder',
      token: stored?.providerToken,
      ...(card === undefined
        ? { security_code: stored?.securityCode && digits(stored.securityCode, 'security_code', 4) }
        : cardOf(card)),
    },
    configuration,
  );
}

export function modificationPlaintext(
  request: ModificationRequest,
  configuration: JweConfiguration,
): EnvelopeObject {
  requireName(request.providerReference, 'reference of a payment');
  return plaintext(
    {
      idempotency_key: request.idempotencyKey,
      operation: request.modification,
      ...amountOf(request.amount, configuration),
      reference: request.reference,
      provider_reference: request.providerReference,
    },
    configuration,
  );
}

/** The body of a request and its type. */
export async function sealedBody(
  object: EnvelopeObject,
  { envelope, recipient }: JweConfiguration,
  now: Date,
): Promise<{ readonly contentType: string; readonly body: string }> {
  const iat = {
    seconds: { iat: Math.floor(now.getTime() / 1000) },
    milliseconds: { iat: now.getTime() },
    none: {},
  }[envelope.iat];
  const jwe = await sealEnvelope(
    object,
    {
      cty: 'json',
      ...envelope.header,
      alg: 'RSA-OAEP-256',
      enc: envelope.enc,
      kid: recipient.keyId,
      ...iat,
    },
    recipient.publicKey,
  );
  return envelope.field === undefined
    ? { contentType: 'application/jose', body: jwe }
    : { contentType: 'application/json', body: JSON.stringify({ [envelope.field]: jwe }) };
}

/** An address below the base. Throws `provider_invalid_request` when a name could lead elsewhere. */
export function pathOf(
  template: string,
  values: { readonly idempotencyKey: string; readonly providerReference?: string },
): string {
  return template.replaceAll(/\{(provider_reference|idempotency_key)\}/g, (_whole, name) => {
    if (name === 'idempotency_key') return encodeURIComponent(values.idempotencyKey);
    const { providerReference = '' } = values;
    requireName(providerReference, 'reference of a payment');
    return encodeURIComponent(providerReference);
  });
}

function plaintext(values: Values, { members, fixedMembers }: JweConfiguration): EnvelopeObject {
  const named: (readonly [string, EnvelopeValue])[] = [...fixedMembers];
  for (const [member, value] of Object.entries(values) as [RequestMember, EnvelopeValue | undefined][]) {
    const name = members[member];
    if (value !== undefined && name !== '') named.push([name, value]);
  }
  return placed(named);
}

function amountOf(amount: Amount | undefined, { amountFormat }: JweConfiguration): Values {
  if (amount === undefined) return {};
  return {
    amount: amountFormat === 'decimal' ? toDecimal(amount) : amount.value,
    currency: amount.currency,
  };
}

function cardOf({ cardNumber, expiry, securityCode, postalCode }: CardDetails): Values {
  return {
    card_number: digits(cardNumber, 'card_number', 19),
    ...(expiry !== undefined && {
      expiry: digits(expiry, 'expiry', 4),
      expiry_month: new SecretDigits(expiry, { name: 'expiry', longest: 4, start: 0, end: 2 }),
      expiry_year_short: new SecretDigits(expiry, { name: 'expiry', longest: 4, start: 2, end: 4 }),
      expiry_year: new SecretDigits(expiry, {
        name: 'expiry',
        longest: 4,
        start: 2,
        end: 4,
        before: CENTURY,
      }),
    }),
    security_code: securityCode && digits(securityCode, 'security_code', 4),
    postal_code: postalCode && digits(postalCode, 'postal_code', 16),
  };
}

function digits(secret: CardDetails['cardNumber'], name: string, longest: number): SecretDigits {
  return new SecretDigits(secret, { name, longest });
}

function requireName(name: string, what: string): void {
  if (!PROVIDER_NAME.test(name)) throw new ProviderError('invalid_request', `this is no ${what}`);
}
