import { createSecretKey } from 'node:crypto';
import { CompactEncrypt, importJWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { EnvelopeKeys } from '../../../../simulators/sandbox-provider/envelope-keys.ts';
import type { StoredCard } from '../../../../simulators/sandbox-provider/ledger.ts';
import { readPaymentRequest } from '../../../../simulators/sandbox-provider/payment-request.ts';
import { encipherPinBlock } from '../../../../src/payments/pin-block.ts';
import { secretDigits } from '../../payments/secret-digits.ts';

const NOW = new Date('2026-03-04T05:06:07.000Z');
const NOW_SECONDS = NOW.getTime() / 1000;
const PIN_KEY = createSecretKey(Buffer.alloc(32, 7));
const CARD = { card_number: '4242424242424242', expiry: '1239' };
const CARD_READ = { cardNumber: '4242424242424242', expiry: '1239' };
const storedCard = (token: string): StoredCard | undefined =>
  token === 'tok_1' ? { cardNumber: '4242424242424242', expiry: '1239' } : undefined;

describe('readPaymentRequest', () => {
  let keys: EnvelopeKeys;

  beforeAll(async () => {
    keys = await EnvelopeKeys.generate();
  });

  const seal = async (plaintext: unknown, header: Record<string, unknown> = {}): Promise<string> => {
    const [jwk = {}] = keys.publicKeys().keys;
    return new CompactEncrypt(
      Buffer.from(typeof plaintext === 'string' ? plaintext : JSON.stringify(plaintext)),
    )
      .setProtectedHeader({
        alg: 'RSA-OAEP-256',
        enc: 'A256GCM',
        ...(jwk.kid !== undefined && { kid: jwk.kid }),
        cty: 'json',
        iat: NOW_SECONDS,
        ...header,
      })
      .encrypt(await importJWK(jwk, 'RSA-OAEP-256'));
  };

  const body = async (changes: Record<string, unknown> = {}): Promise<Record<string, unknown>> => ({
    idempotency_key: 'att_1',
    purpose: 'charge',
    amount: { value: 1250, currency: 'EUR' },
    encrypted_card: await seal(CARD),
    ...changes,
  });

  const read = (request: Record<string, unknown>, header: string | undefined = 'att_1', pinKey = PIN_KEY) =>
    readPaymentRequest(request, header, { keys, pinKey, now: NOW, storedCard });

  it('reads a whole request', async () => {
    expect(await read(await body({ reference: 'order 5' }))).toEqual({
      idempotencyKey: 'att_1',
      purpose: 'charge',
      amount: { value: 1250, currency: 'EUR' },
      reference: 'order 5',
      card: { cardNumber: '4242424242424242', expiry: '1239' },
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it('reads a card that is kept, with a code that was captured anew', async () => {
    const { encrypted_card: _card, ...rest } = await body();
    const stored = { ...rest, token: 'tok_1' };
    expect(
      await read({ ...stored, initiated_by: 'merchant', customer_reference: 'customer 5' }),
    ).toMatchObject({
      storedToken: 'tok_1',
      initiatedBy: 'merchant',
      customerReference: 'customer 5',
      card: { cardNumber: '4242424242424242', expiry: '1239' },
    });
    const encrypted = { encrypted_security_code: await seal({ security_code: '123' }) };
    expect((await read({ ...stored, ...encrypted })).card.securityCode).toBe('123');
    const refused = async (changes: Record<string, unknown>): Promise<unknown> =>
      await read({ ...stored, ...changes }).catch(({ code }: { code: string }) => code);
    expect(await refused({ token: 'tok_2' })).toBe('unknown_token');
    expect(await refused({ encrypted_card: await seal(CARD) })).toBe('missing_member');
    expect(await refused({ token: undefined })).toBe('missing_member');
    expect(await refused({ encrypted_security_code: await seal(CARD) })).toBe('missing_member');
    expect(await refused({ purpose: 'tokenize', amount: undefined })).toBe('invalid_purpose');
    expect(await refused({ initiated_by: 'cardholder' })).toBe('invalid_initiator');
    const justKeyed = await seal({ ...CARD, security_code: '123' });
    await expect(
      read(await body({ initiated_by: 'merchant', encrypted_card: justKeyed })),
    ).rejects.toMatchObject({ code: 'invalid_initiator' });
    await expect(read(await body(encrypted))).rejects.toMatchObject({ code: 'unknown_member' });
  });

  it('reads a card that the merchant itself keeps, for a payment that its holder does not order', async () => {
    const request = await read(await body({ initiated_by: 'merchant' }));
    expect(request).toMatchObject({ initiatedBy: 'merchant', card: CARD_READ });
    expect(request.storedToken).toBeUndefined();
  });

  it('has one fingerprint for one content, and another for any other', async () => {
    const pinned = async (pin: string): Promise<string> => {
      const block = encipherPinBlock({
        pin: secretDigits(pin),
        cardNumber: secretDigits(CARD.card_number),
        key: PIN_KEY,
      });
      return seal({ ...CARD, pin_block: block.toString('hex').toUpperCase() });
    };
    const fingerprint = async (changes?: Record<string, unknown>): Promise<string> =>
      (await read(await body(changes))).fingerprint;
    expect(await fingerprint()).toBe(await fingerprint());
    const withPin = await fingerprint({ encrypted_card: await pinned('1234') });
    expect(await fingerprint({ encrypted_card: await pinned('1234') })).toBe(withPin);
    const others = [
      await fingerprint(),
      withPin,
      await fingerprint({ encrypted_card: await pinned('1235') }),
      await fingerprint({ purpose: 'authorize' }),
      await fingerprint({ amount: { value: 1251, currency: 'EUR' } }),
      await fingerprint({ amount: { value: 1250, currency: 'USD' } }),
      await fingerprint({ reference: 'order 5' }),
      await fingerprint({ customer_reference: 'order 5' }),
      await fingerprint({ encrypted_card: undefined, token: 'tok_1' }),
      await fingerprint({ encrypted_card: undefined, token: 'tok_1', initiated_by: 'merchant' }),
      await fingerprint({ encrypted_card: await seal({ ...CARD, expiry: '0139' }) }),
      await fingerprint({ encrypted_card: await seal({ ...CARD, security_code: '123' }) }),
      await fingerprint({ encrypted_card: await seal({ ...CARD, postal_code: '12345' }) }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it.each([
    ['an unknown member', { cvv: '1' }, 'unknown_member'],
    ['an unknown purpose', { purpose: 'refund' }, 'invalid_purpose'],
    ['a charge without an amount', { amount: undefined }, 'invalid_amount'],
    ['an amount of nothing', { amount: { value: 0, currency: 'EUR' } }, 'invalid_amount'],
    ['an amount in major units', { amount: { value: 12.5, currency: 'EUR' } }, 'invalid_amount'],
    ['an amount of thirteen digits', { amount: { value: 1e12, currency: 'EUR' } }, 'invalid_amount'],
    ['an unknown currency', { amount: { value: 1, currency: 'QQQ' } }, 'invalid_amount'],
    ['a currency in small letters', { amount: { value: 1, currency: 'eur' } }, 'invalid_amount'],
    ['money for a token', { purpose: 'tokenize' }, 'invalid_amount'],
    ['an empty reference', { reference: '' }, 'invalid_reference'],
    ['a key with a space', { idempotency_key: 'a b' }, 'invalid_idempotency_key'],
    ['a key that is not the one of the header', { idempotency_key: 'att_2' }, 'invalid_idempotency_key'],
    ['no envelope', { encrypted_card: 5 }, 'malformed_envelope'],
    ['an envelope that is none', { encrypted_card: 'a.b.c.d.e' }, 'malformed_envelope'],
  ])('refuses %s', async (_what, changes, code) => {
    await expect(read(await body(changes))).rejects.toMatchObject({ status: 400, code });
  });

  it('refuses a request without the header', async () => {
    await expect(
      readPaymentRequest(await body(), undefined, { keys, pinKey: PIN_KEY, now: NOW, storedCard }),
    ).rejects.toMatchObject({ status: 400, code: 'idempotency_key_missing' });
  });

  it.each([
    ['sealed 301 seconds ago', { iat: NOW_SECONDS - 301 }, 'stale_envelope'],
    ['sealed in 301 seconds', { iat: NOW_SECONDS + 301 }, 'stale_envelope'],
    ['that does not say when', { iat: undefined }, 'malformed_envelope'],
    ['of another content', { cty: 'text' }, 'malformed_envelope'],
    ['for another key', { kid: 'other' }, 'unknown_key'],
    ['with a weaker cipher', { enc: 'A128CBC-HS256' }, 'malformed_envelope'],
  ])('refuses an envelope %s', async (_what, header, code) => {
    await expect(read(await body({ encrypted_card: await seal(CARD, header) }))).rejects.toMatchObject({
      status: 400,
      code,
    });
  });

  it('takes an envelope that is exactly five minutes old', async () => {
    const envelope = await seal(CARD, { iat: NOW_SECONDS - 300 });
    expect((await read(await body({ encrypted_card: envelope }))).purpose).toBe('charge');
  });

  it('refuses an envelope that was tampered with, or holds no JSON', async () => {
    const parts = (await seal(CARD)).split('.');
    const tag = parts[4] ?? '';
    parts[4] = `${tag.startsWith('A') ? 'B' : 'A'}${tag.slice(1)}`;
    await expect(read(await body({ encrypted_card: parts.join('.') }))).rejects.toMatchObject({
      code: 'malformed_envelope',
    });
    await expect(read(await body({ encrypted_card: await seal('4242') }))).rejects.toMatchObject({
      code: 'malformed_json',
    });
  });

  it('refuses a PIN block when no PIN key was agreed', async () => {
    const envelope = await seal({ ...CARD, pin_block: '0'.repeat(32) });
    await expect(
      readPaymentRequest(await body({ encrypted_card: envelope }), 'att_1', {
        keys,
        pinKey: undefined,
        now: NOW,
        storedCard,
      }),
    ).rejects.toMatchObject({ code: 'pin_not_supported' });
  });
});
