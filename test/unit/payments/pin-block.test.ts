import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openPinBlock } from '../../../simulators/sandbox-provider/pin-block.ts';
import { encipherPinBlock } from '../../../src/payments/pin-block.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { secretDigits } from './secret-digits.ts';

const VECTOR_KEY = createSecretKey(Buffer.from('00112233445566778899AABBCCDDEEFF', 'hex'));
const VECTOR_PAN = '1234567890123456789';
const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((list) => list.join(''));

describe('ISO 9564-1 format 4', () => {
  it('enciphers the published vector', () => {
    const block = encipherPinBlock({
      pin: secretDigits('1234'),
      cardNumber: secretDigits(VECTOR_PAN),
      key: VECTOR_KEY,
      fillRandom: (target) => target.fill(0xff),
    });
    expect(block.toString('hex').toUpperCase()).toBe('28B41FDDD29B743E93124BD8E32D921E');
  });

  it('opens what it enciphered, for every PIN length, card number length and key size', () => {
    fc.assert(
      fc.property(digits(4, 12), digits(12, 19), fc.constantFrom(16, 32), (pin, pan, keyBytes) => {
        const key = createSecretKey(randomBytes(keyBytes));
        const block = encipherPinBlock({ pin: secretDigits(pin), cardNumber: secretDigits(pan), key });
        expect(block).toHaveLength(16);
        expect(openPinBlock(block, pan, key)).toBe(pin);
      }),
    );
  });

  it('makes another block of the same PIN each time', () => {
    const block = () =>
      encipherPinBlock({
        pin: secretDigits('1234'),
        cardNumber: secretDigits(VECTOR_PAN),
        key: VECTOR_KEY,
      }).toString('hex');
    expect(new Set([block(), block(), block()]).size).toBe(3);
  });

  it('asks for exactly the eight random bytes of the PIN field', () => {
    const asked: number[] = [];
    encipherPinBlock({
      pin: secretDigits('123456789012'),
      cardNumber: secretDigits(VECTOR_PAN),
      key: VECTOR_KEY,
      fillRandom: (target) => void asked.push(target.length),
    });
    expect(asked).toEqual([8]);
  });

  it('wipes the clear fields, also when it fails', () => {
    let pinField: Uint8Array = new Uint8Array();
    const input = {
      pin: secretDigits('98765'),
      cardNumber: secretDigits(VECTOR_PAN),
      key: VECTOR_KEY,
      fillRandom: (target: Uint8Array) => {
        pinField = new Uint8Array(target.buffer);
        target.fill(0x77);
      },
    };
    encipherPinBlock(input);
    expect(pinField.length).toBeGreaterThanOrEqual(65);
    expect(pinField.every((byte) => byte === 0)).toBe(true);

    using notDigits = new SecretBuffer(19);
    notDigits.appendBytes(Buffer.from('12345678901x'));
    expect(() => encipherPinBlock({ ...input, cardNumber: notDigits })).toThrow(
      expect.objectContaining({ code: 'pin_block_invalid' }),
    );
    expect(pinField.every((byte) => byte === 0)).toBe(true);
  });

  it('leaves the PIN and the card number to their owner', () => {
    const pin = secretDigits('1234');
    const cardNumber = secretDigits(VECTOR_PAN);
    encipherPinBlock({ pin, cardNumber, key: VECTOR_KEY });
    expect([pin.length, cardNumber.length]).toEqual([4, 19]);
  });

  it.each([
    ['a PIN of three digits', '123', VECTOR_PAN],
    ['a PIN of thirteen digits', '1234567890123', VECTOR_PAN],
    ['a card number of eleven digits', '1234', '12345678901'],
    ['a card number of twenty digits', '1234', '12345678901234567890'],
    ['a PIN with a star', '12*4', VECTOR_PAN],
  ])('refuses %s', (_what, pin, pan) => {
    expect(() =>
      encipherPinBlock({ pin: secretDigits(pin), cardNumber: secretDigits(pan), key: VECTOR_KEY }),
    ).toThrow(expect.objectContaining({ code: 'pin_block_invalid' }));
  });

  it('refuses a key of another size', () => {
    expect(() =>
      encipherPinBlock({
        pin: secretDigits('1234'),
        cardNumber: secretDigits(VECTOR_PAN),
        key: createSecretKey(randomBytes(24)),
      }),
    ).toThrow(expect.objectContaining({ code: 'pin_key_invalid' }));
  });

  it('binds the block to the card number', () => {
    const block = encipherPinBlock({
      pin: secretDigits('1234'),
      cardNumber: secretDigits(VECTOR_PAN),
      key: VECTOR_KEY,
    });
    expect(openPinBlock(block, '1234567890123456780', VECTOR_KEY)).toBeUndefined();
  });
});
