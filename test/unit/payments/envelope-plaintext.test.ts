import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCompactJwe } from '../../../simulators/doubles/compact-jwe.ts';
import { sealEnvelope, SecretDigits, type EnvelopeObject } from '../../../src/payments/envelope-plaintext.ts';
import { secretDigits } from './secret-digits.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const HEADER = { alg: 'RSA-OAEP-256', enc: 'A256GCM' } as const;

const opened = async (object: EnvelopeObject): Promise<unknown> =>
  JSON.parse(openCompactJwe(await sealEnvelope(object, HEADER, publicKey), privateKey).plaintext);

describe('an envelope', () => {
  it('opens to what was sealed, secrets and all', async () => {
    const expiry = secretDigits('0139');
    const year = { name: 'expiry', longest: 4, start: 2, end: 4, before: '20' };
    expect(
      await opened({
        card: {
          number: new SecretDigits(secretDigits('4242424242424242'), { name: 'number', longest: 19 }),
          year: new SecretDigits(expiry, year),
        },
        left: undefined,
        none: {},
        live: false,
        'quote"': 1.5,
      }),
    ).toEqual({ card: { number: '4242424242424242', year: '2039' }, none: {}, live: false, 'quote"': 1.5 });
  });

  it('opens to any public members', async () => {
    const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text !== '__proto__');
    const value = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer(), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true }), async (object) => {
        expect(await opened(object)).toEqual(object);
      }),
      { numRuns: 50 },
    );
  });

  it('is not made of a secret that was wiped, or that is shorter than the part of it', async () => {
    const wiped = secretDigits('4242424242424242');
    wiped.wipe();
    const part = { name: 'expiry', longest: 4, start: 2, end: 4 };
    for (const digits of [
      new SecretDigits(wiped, { name: 'number', longest: 19 }),
      new SecretDigits(secretDigits('123'), part),
      new SecretDigits(secretDigits('1'), part),
    ]) {
      await expect(sealEnvelope({ digits }, HEADER, publicKey)).rejects.toMatchObject({
        failure: 'invalid_request',
      });
    }
  });

  it('is not made of more than secret memory lends in one piece', async () => {
    await expect(sealEnvelope({ text: 'x'.repeat(5000) }, HEADER, publicKey)).rejects.toMatchObject({
      failure: 'invalid_request',
    });
  });
});
