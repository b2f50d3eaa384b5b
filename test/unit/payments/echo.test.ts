import { describe, expect, it } from 'vitest';
import { refuseEcho } from '../../../src/payments/echo.ts';
import { secretDigits } from './secret-digits.ts';

const card = () => ({ cardNumber: secretDigits('4242424242424242') });

describe('an answer', () => {
  it.each(['4242424242424242', '{"id":"x4242424242424242y"}'])(
    'that repeats the card number is wiped and is no answer',
    (text) => {
      const body = Buffer.from(text);
      expect(() => refuseEcho(body, card())).toThrow(
        expect.objectContaining({
          failure: 'unknown_outcome',
          message: expect.not.stringMatching(/\d{6}/) as string,
        }) as Error,
      );
      expect(body.every((byte) => byte === 0)).toBe(true);
    },
  );

  it.each(['', '{"last4":"4242","bin":"42424242"}', '424242424242424'])(
    'that repeats less of it is left as it is: %j',
    (text) => {
      const body = Buffer.from(text);
      refuseEcho(body, card());
      expect(body.toString()).toBe(text);
    },
  );
});
