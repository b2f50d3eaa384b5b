import { createHash, type KeyObject } from 'node:crypto';
import { parseCard, type Card } from './card.ts';
import type { EnvelopeKeys } from './envelope-keys.ts';
import { requireMembers } from './exchange.ts';
import type { SandboxPurpose } from './ledger.ts';
import { openPinBlock } from './pin-block.ts';
import { Problem } from './problem.ts';

export const PURPOSES: readonly SandboxPurpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];

const KEY_SHAPE = /^[A-Za-z0-9_.:-]{1,64}$/;
const LONGEST_REFERENCE = 255;
/** The largest amount of a card network message: 12 digits (ISO 8583 field 4). */
const LARGEST_AMOUNT = 999_999_999_999;
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

export interface SandboxPaymentRequest {
  readonly idempotencyKey: string;
  readonly purpose: SandboxPurpose;
  /** ISO 4217, minor units. */
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly card: Card;
  /** The same for the same request: envelopes and PIN blocks of equal content differ in their bytes. */
  readonly fingerprint: string;
}

export interface ReadOptions {
  readonly keys: EnvelopeKeys;
  readonly pinKey: KeyObject | undefined;
  readonly now: Date;
}

/** Reads a payment request strictly. Throws a `Problem` with 400. */
export async function readPaymentRequest(
  body: Record<string, unknown>,
  idempotencyHeader: string | undefined,
  { keys, pinKey, now }: ReadOptions,
): Promise<SandboxPaymentRequest> {
  requireMembers(body, ['idempotency_key', 'purpose', 'encrypted_card'], ['amount', 'reference']);
  const idempotencyKey = readIdempotencyKey(body['idempotency_key'], idempotencyHeader);
  const purpose = PURPOSES.find((known) => known === body['purpose']);
  if (purpose === undefined) throw new Problem(400, 'invalid_purpose', 'purpose is not known');
  const amount = readAmount(body['amount'], purpose);
  const reference = readReference(body['reference']);
  const envelope = body['encrypted_card'];
  if (typeof envelope !== 'string') {
    throw new Problem(400, 'malformed_envelope', 'encrypted_card is not a compact JWE');
  }
  const card = parseCard(await keys.open(envelope, now));
  if (card.pinBlock !== undefined && pinKey === undefined) {
    throw new Problem(400, 'pin_not_supported', 'no PIN key was agreed');
  }
  const rest = {
    idempotencyKey,
    purpose,
    ...(amount !== undefined && { amount }),
    ...(reference !== undefined && { reference }),
    card,
  };
  return { ...rest, fingerprint: fingerprintOf(rest, pinKey) };
}

function readIdempotencyKey(value: unknown, header: string | undefined): string {
  if (header === undefined) throw new Problem(400, 'idempotency_key_missing', 'Idempotency-Key is required');
  if (typeof value !== 'string' || !KEY_SHAPE.test(value)) {
    throw new Problem(400, 'invalid_idempotency_key', 'idempotency_key must be 1 to 64 safe characters');
  }
  if (value !== header) {
    throw new Problem(400, 'invalid_idempotency_key', 'idempotency_key and its header differ');
  }
  return value;
}

function readAmount(
  value: unknown,
  purpose: SandboxPurpose,
): { value: number; currency: string } | undefined {
  if (purpose === 'tokenize') {
    if (value !== undefined) throw new Problem(400, 'invalid_amount', 'tokenize moves no money');
    return undefined;
  }
  if (typeof value !== 'object' || value === null) {
    throw new Problem(400, 'invalid_amount', 'amount is missing');
  }
  requireMembers(value as Record<string, unknown>, ['value', 'currency'], []);
  const { value: minorUnits, currency } = value as { value: unknown; currency: unknown };
  if (
    !Number.isInteger(minorUnits) ||
    (minorUnits as number) < 1 ||
    (minorUnits as number) > LARGEST_AMOUNT
  ) {
    throw new Problem(400, 'invalid_amount', 'amount.value must be whole minor units above 0');
  }
  if (typeof currency !== 'string' || !CURRENCIES.has(currency)) {
    throw new Problem(400, 'invalid_amount', 'amount.currency must be an ISO 4217 code');
  }
  return { value: minorUnits as number, currency };
}

function readReference(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST_REFERENCE) {
    throw new Problem(400, 'invalid_reference', 'reference must be a text of 1 to 255 characters');
  }
  return value;
}

function fingerprintOf(
  request: Omit<SandboxPaymentRequest, 'fingerprint'>,
  pinKey: KeyObject | undefined,
): string {
  const { card, amount } = request;
  const pin =
    card.pinBlock === undefined || pinKey === undefined
      ? null
      : (openPinBlock(Buffer.from(card.pinBlock, 'hex'), card.cardNumber, pinKey) ?? 'malformed');
  const content = [
    request.purpose,
    amount?.value,
    amount?.currency,
    request.reference,
    card.cardNumber,
    card.expiry,
    card.securityCode,
    card.postalCode,
    pin,
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
