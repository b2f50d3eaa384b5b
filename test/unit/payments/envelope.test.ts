import { compactDecrypt, decodeProtectedHeader, generateKeyPair, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { sealCardDetails, type EnvelopeRecipient } from '../../../src/payments/envelope.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { secretDigits } from './secret-digits.ts';

const ISSUED_AT = new Date('2026-03-04T05:06:07.890Z');
const PIN_BLOCK = Buffer.from('28B41FDDD29B743E93124BD8E32D921E', 'hex');

describe('the card details envelope', () => {
  let recipient: EnvelopeRecipient;
  let privateKey: CryptoKey;

  beforeAll(async () => {
    const pair = await generateKeyPair('RSA-OAEP-256');
    privateKey = pair.privateKey;
    recipient = { keyId: 'key-1', publicKey: pair.publicKey };
  });

  const open = async (jwe: string): Promise<unknown> => {
    const { plaintext } = await compactDecrypt(jwe, privateKey);
    return JSON.parse(new TextDecoder().decode(plaintext));
  };

  it('opens to exactly the members that were given', async () => {
    const jwe = await sealCardDetails(
      {
        cardNumber: secretDigits('4242424242424242'),
        expiry: secretDigits('1230'),
        securityCode: secretDigits('123'),
        postalCode: secretDigits('94107'),
        pin: secretDigits('1234'),
      },
      { recipient, issuedAt: ISSUED_AT, pinBlock: PIN_BLOCK },
    );
    expect(await open(jwe)).toEqual({
      card_number: '4242424242424242',
      expiry: '1230',
      security_code: '123',
      postal_code: '94107',
      pin_block: '28B41FDDD29B743E93124BD8E32D921E',
    });
  });

  it('leaves absent members out, and never reads a PIN', async () => {
    const jwe = await sealCardDetails(
      { cardNumber: secretDigits('4012001037141112'), pin: secretDigits('1234') },
      { recipient, issuedAt: ISSUED_AT },
    );
    expect(await open(jwe)).toEqual({ card_number: '4012001037141112' });
  });

  it('says how it is sealed in the protected header', async () => {
    const jwe = await sealCardDetails(
      { cardNumber: secretDigits('4242424242424242') },
      { recipient, issuedAt: ISSUED_AT },
    );
    expect(decodeProtectedHeader(jwe)).toEqual({
      alg: 'RSA-OAEP-256',
      enc: 'A256GCM',
      kid: 'key-1',
      cty: 'json',
      iat: 1772600767,
    });
    const iv = jwe.split('.')[2] ?? '';
    expect(Buffer.from(iv, 'base64url')).toHaveLength(12);
  });

  it('holds the longest value of every member', async () => {
    const jwe = await sealCardDetails(
      {
        cardNumber: secretDigits('9'.repeat(19)),
        expiry: secretDigits('1299'),
        securityCode: secretDigits('9999'),
        postalCode: secretDigits('9'.repeat(16)),
      },
      { recipient, issuedAt: ISSUED_AT, pinBlock: PIN_BLOCK },
    );
    expect(await open(jwe)).toMatchObject({ postal_code: '9'.repeat(16) });
  });

  it.each([
    ['a quote', Buffer.from('4242"4242')],
    ['a byte above ASCII', Uint8Array.of(0x34, 0xb2)],
    ['nothing', new Uint8Array()],
    ['twenty digits', Buffer.from('12345678901234567890')],
  ])('refuses a card number with %s and says nothing of its content', async (_what, bytes) => {
    using cardNumber = new SecretBuffer(32);
    cardNumber.appendBytes(bytes);
    const sealing = sealCardDetails({ cardNumber }, { recipient, issuedAt: ISSUED_AT });
    await expect(sealing).rejects.toMatchObject({
      code: 'provider_invalid_request',
      message: expect.stringMatching(/^card_number must (be ASCII digits|have 1 to 19 digits)$/) as string,
    });
  });

  it('wipes its plaintext when it is sealed and when it is not, and keeps the values of its caller', async () => {
    const wipe = vi.spyOn(SecretBuffer.prototype, 'wipe');
    const cardNumber = secretDigits('4242424242424242');
    await sealCardDetails({ cardNumber }, { recipient, issuedAt: ISSUED_AT });
    expect(wipe).toHaveBeenCalledTimes(1);
    await expect(
      sealCardDetails({ cardNumber, expiry: secretDigits('12345') }, { recipient, issuedAt: ISSUED_AT }),
    ).rejects.toThrow('expiry');
    expect(wipe).toHaveBeenCalledTimes(2);
    expect(cardNumber.length).toBe(16);
    wipe.mockRestore();
  });
});
