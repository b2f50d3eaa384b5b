import { createHash, type KeyObject } from 'node:crypto';
import { parseCard, parseSecurityCode, type Card } from './card.ts';
import type { EnvelopeKeys } from './envelope-keys.ts';
import { requireMembers } from './exchange.ts';
import type { SandboxPurpose, StoredCard } from './ledger.ts';
import { openPinBlock } from './pin-block.ts';
import { Problem } from './problem.ts';

export const PURPOSES: readonly SandboxPurpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];

const CARD_MEMBERS = ['encrypted_card', 'token', 'encrypted_security_code'];
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
  readonly customerReference?: string;
  readonly initiatedBy?: 'merchant';
  /** Set when the card came out of what the provider keeps. */
  readonly storedToken?: string;
  readonly card: Card;
  /** The same for the same request: envelopes and PIN blocks of equal content differ in their bytes. */
  readonly fingerprint: string;
}

export interface ReadOptions {
  readonly keys: EnvelopeKeys;
  readonly pinKey: KeyObject | undefined;
  readonly now: Date;
  readonly storedCard: (token: string) => StoredCard | undefined;
}

/** Reads a payment request strictly. Throws a `Problem` with 400. */
export async function readPaymentRequest(
  body: Record<string, unknown>,
  idempotencyHeader: string | undefined,
  options: ReadOptions,
): Promise<SandboxPaymentRequest> {
  requireMembers(
    body,
    ['idempotency_key', 'purpose'],
    ['amount', 'reference', 'customer_reference', 'initiated_by', ...CARD_MEMBERS],
  );
  const idempotencyKey = readIdempotencyKey(body['idempotency_key'], idempotencyHeader);
  const purpose = PURPOSES.find((known) => known === body['purpose']);
  if (purpose === undefined) throw new Problem(400, 'invalid_purpose', 'purpose is not known');
  const amount = readPaymentAmount(body['amount'], purpose);
  const reference = readReference(body['reference'], 'reference');
  const customerReference = readReference(body['customer_reference'], 'customer_reference');
  const { card, storedToken } = await readCard(body, options);
  const byMerchant = readInitiator(body['initiated_by'], storedToken, card);
  if (storedToken !== undefined && purpose !== 'charge' && purpose !== 'authorize') {
    throw new Problem(400, 'invalid_purpose', 'a kept card can be charged or authorized');
  }
  const rest = {
    idempotencyKey,
    purpose,
    ...(amount !== undefined && { amount }),
    ...(reference !== undefined && { reference }),
    ...(customerReference !== undefined && { customerReference }),
    ...(byMerchant && { initiatedBy: 'merchant' as const }),
    ...(storedToken !== undefined && { storedToken }),
    card,
  };
  return { ...rest, fingerprint: fingerprintOf(rest, options.pinKey) };
}

/** A card in an envelope, or the token of one that is kept, with a security code in an envelope of its own. */
async function readCard(
  body: Record<string, unknown>,
  { keys, pinKey, now, storedCard }: ReadOptions,
): Promise<{ card: Card; storedToken?: string }> {
  const [envelope, token, codeEnvelope] = CARD_MEMBERS.map((name) => body[name]);
  if ((envelope === undefined) === (token === undefined)) {
    throw new Problem(400, 'missing_member', 'either encrypted_card or token is required');
  }
  if (token === undefined) {
    if (codeEnvelope !== undefined) {
      throw new Problem(400, 'unknown_member', 'encrypted_security_code goes with a token');
    }
    const card = parseCard(await keys.open(requireEnvelope(envelope, 'encrypted_card'), now));
    if (card.pinBlock !== undefined && pinKey === undefined) {
      throw new Problem(400, 'pin_not_supported', 'no PIN key was agreed');
    }
    return { card };
  }
  const stored = typeof token === 'string' ? storedCard(token) : undefined;
  if (typeof token !== 'string' || stored === undefined) {
    throw new Problem(400, 'unknown_token', 'the provider keeps no card under this token');
  }
  const { cardNumber, expiry, postalCode } = stored;
  return {
    storedToken: token,
    card: {
      cardNumber,
      ...(expiry !== undefined && { expiry }),
      ...(postalCode !== undefined && { postalCode }),
      ...(codeEnvelope !== undefined && {
        securityCode: parseSecurityCode(
          await keys.open(requireEnvelope(codeEnvelope, 'encrypted_security_code'), now),
        ),
      }),
    },
  };
}

function requireEnvelope(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new Problem(400, 'malformed_envelope', `${name} is not a compact JWE`);
}

/** The card is one that the provider keeps, or the merchant itself: then nobody is there to tell its security code. */
function readInitiator(value: unknown, storedToken: string | undefined, card: Card): boolean {
  if (value === undefined) return false;
  const isKept = storedToken !== undefined || card.securityCode === undefined;
  if (value !== 'merchant' || !isKept) {
    throw new Problem(400, 'invalid_initiator', 'initiated_by is merchant, for a kept card only');
  }
  return true;
}

/** The key stands in the header and in the body. Throws a `Problem` with 400. */
export function readIdempotencyKey(value: unknown, header: string | undefined): string {
  if (header === undefined) throw new Problem(400, 'idempotency_key_missing', 'Idempotency-Key is required');
  if (typeof value !== 'string' || !KEY_SHAPE.test(value)) {
    throw new Problem(400, 'invalid_idempotency_key', 'idempotency_key must be 1 to 64 safe characters');
  }
  if (value !== header) {
    throw new Problem(400, 'invalid_idempotency_key', 'idempotency_key and its header differ');
  }
  return value;
}

function readPaymentAmount(
  value: unknown,
  purpose: SandboxPurpose,
): { value: number; currency: string } | undefined {
  if (purpose !== 'tokenize') return readAmount(value);
  if (value !== undefined) throw new Problem(400, 'invalid_amount', 'tokenize moves no money');
  return undefined;
}

/** Throws a `Problem` with 400. */
export function readAmount(value: unknown): { value: number; currency: string } {
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

/** Throws a `Problem` with 400. */
export function readReference(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST_REFERENCE) {
    throw new Problem(400, 'invalid_reference', `${name} must be a text of 1 to 255 characters`);
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
    request.customerReference,
    request.initiatedBy,
    request.storedToken,
    card.cardNumber,
    card.expiry,
    card.securityCode,
    card.postalCode,
    pin,
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
