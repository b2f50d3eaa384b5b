import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSecretSeal } from '../../../../src/events/webhooks/secret-seal.ts';

const KEY = randomBytes(32);
const OTHER = randomBytes(32);
const CONTEXT = 'acc/whk/whs';

describe('a sealed secret', () => {
  test('opens to what it was, and never looks the same twice', () => {
    const seal = createSecretSeal([KEY]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const secret = Buffer.from(bytes);
        const sealed = seal.seal(secret, CONTEXT);
        expect(seal.open(sealed, CONTEXT)).toEqual(secret);
        expect(seal.seal(secret, CONTEXT).equals(sealed)).toBe(false);
      }),
    );
  });

  test('does not open when any bit of it has changed', () => {
    const seal = createSecretSeal([KEY]);
    const sealed = seal.seal(Buffer.from('secret'), CONTEXT);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => seal.open(changed, CONTEXT)).toThrow(/no webhooks key|does not open/);
    }
  });

  test('does not open in another place', () => {
    const seal = createSecretSeal([KEY]);
    const sealed = seal.seal(Buffer.from('secret'), CONTEXT);
    expect(() => seal.open(sealed, 'acc/whk/other')).toThrow(
      expect.objectContaining({ code: 'webhook_secret_damaged' }),
    );
  });

  test('opens after the key was replaced, while the old one is there', () => {
    const sealed = createSecretSeal([KEY]).seal(Buffer.from('secret'), CONTEXT);
    expect(createSecretSeal([OTHER, KEY]).open(sealed, CONTEXT).toString()).toBe('secret');
    expect(() => createSecretSeal([OTHER]).open(sealed, CONTEXT)).toThrow(
      expect.objectContaining({ code: 'webhooks_key_missing' }),
    );
    expect(() => createSecretSeal([KEY]).open(Buffer.alloc(3), CONTEXT)).toThrow(
      expect.objectContaining({ code: 'webhooks_key_missing' }),
    );
  });
});

test.each([[[]], [[Buffer.alloc(31)]], [[KEY, Buffer.alloc(16)]]])(
  'keys that are none are refused',
  (keys) => {
    expect(() => createSecretSeal(keys)).toThrow(expect.objectContaining({ code: 'webhooks_key_invalid' }));
  },
);
