import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSigningKey, SIGNATURE_ALGORITHMS } from '../../../../src/payments/http-signature/algorithms.ts';
import { signRequest } from '../../../../src/payments/http-signature/sign-request.ts';
import { signatureBase, signatureParams } from '../../../../src/payments/http-signature/signature-base.ts';
import { RFC_9421_KEYS } from './vectors.ts';

const key = parseSigningKey('ed25519', RFC_9421_KEYS['test-key-ed25519']);
const request = {
  method: 'POST',
  url: new URL('https://EXAMPLE.com:443/path%20a?b=c'),
  headers: { 'content-type': '  application/jose ' },
};

const pem = (type: 'rsa', bits: number): string =>
  generateKeyPairSync(type, { modulusLength: bits })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();

describe('a signed request', () => {
  it('covers the derived components as section 2.2 has them', () => {
    const components = [
      '@method',
      '@target-uri',
      '@authority',
      '@scheme',
      '@request-target',
      '@path',
      '@query',
      'content-type',
    ];
    expect(signatureBase(request, components, '()').split('\n')).toEqual([
      '"@method": POST',
      '"@target-uri": https://example.com/path%20a?b=c',
      '"@authority": example.com',
      '"@scheme": https',
      '"@request-target": /path%20a?b=c',
      '"@path": /path%20a',
      '"@query": ?b=c',
      '"content-type": application/jose',
      '"@signature-params": ()',
    ]);
  });

  it('has a lone question mark for an absent query (section 2.2.7)', () => {
    const url = new URL('https://example.com/');
    expect(signatureBase({ ...request, url }, ['@query'], '()')).toContain('"@query": ?\n');
  });

  it('writes every parameter, and escapes what RFC 8941 wants escaped', () => {
    const parameters = {
      created: 1,
      expires: 2,
      keyId: 'a"b\\c',
      algorithm: 'ed25519',
      nonce: 'n',
      tag: 't',
    };
    expect(signatureParams(['@method'], parameters)).toBe(
      '("@method");created=1;expires=2;keyid="a\\"b\\\\c";alg="ed25519";nonce="n";tag="t"',
    );
  });

  it('refuses what would sign something else than was meant', () => {
    const sign = (components: string[]): unknown =>
      signRequest(request, { key, components, parameters: { created: 1 } });
    for (const components of [['@method', '@method'], ['content-digest'], ['@status'], ['constructor']]) {
      expect(() => sign(components)).toThrow(expect.objectContaining({ code: 'signature_component' }));
    }
    expect(() => signatureParams([], { keyId: 'ключ' })).toThrow(
      expect.objectContaining({ code: 'signature_component' }),
    );
  });

  it('has the label that was asked for', () => {
    const signed = signRequest(request, { key, components: [], parameters: { created: 5 }, label: 'gw' });
    expect(signed['signature-input']).toBe('gw=();created=5');
    expect(signed.signature).toMatch(/^gw=:[A-Za-z0-9+/]{86}==:$/);
  });

  it('any change of what is covered breaks the signature', () => {
    const publicKey = createPublicKey(RFC_9421_KEYS['test-key-ed25519']);
    const components = ['@method', '@path', 'x-value'];
    const printable = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(printable, printable, (value, other) => {
        fc.pre(value.trim() !== other.trim());
        const parameters = { created: 1 };
        const headers = { 'x-value': value };
        const signed = signRequest({ ...request, headers }, { key, components, parameters });
        const bytes = Buffer.from(signed.signature.slice('sig1=:'.length, -1), 'base64');
        const baseOf = (text: string): Buffer => {
          const message = { ...request, headers: { 'x-value': text } };
          return Buffer.from(signatureBase(message, components, signatureParams(components, parameters)));
        };
        expect(verify(undefined, baseOf(value), publicKey, bytes)).toBe(true);
        expect(verify(undefined, baseOf(other), publicKey, bytes)).toBe(false);
      }),
    );
  });
});

describe('a signing key', () => {
  const invalid = expect.objectContaining({ code: 'signing_key_invalid' }) as Error;

  it('is one of its algorithm', () => {
    for (const algorithm of SIGNATURE_ALGORITHMS.filter((name) => name !== 'ed25519')) {
      expect(() => parseSigningKey(algorithm, RFC_9421_KEYS['test-key-ed25519'])).toThrow(invalid);
    }
    expect(() => parseSigningKey('ecdsa-p384-sha384', RFC_9421_KEYS['test-key-ecc-p256'])).toThrow(invalid);
    // RFC 4055 section 1.2: an RSASSA-PSS key is for that alone.
    expect(() => parseSigningKey('rsa-v1_5-sha256', RFC_9421_KEYS['test-key-rsa-pss'])).toThrow(invalid);
  });

  it('is long enough', () => {
    expect(() => parseSigningKey('rsa-pss-sha512', pem('rsa', 1024))).toThrow(invalid);
    expect(() => parseSigningKey('hmac-sha256', randomBytes(31).toString('base64'))).toThrow(invalid);
    expect(parseSigningKey('hmac-sha256', randomBytes(32).toString('base64')).algorithm).toBe('hmac-sha256');
  });

  it('is told wrong without a byte of it', () => {
    const passphrase = 'correct horse battery staple, and then some more of it';
    for (const algorithm of SIGNATURE_ALGORITHMS) {
      const complaint = (): string => {
        try {
          parseSigningKey(algorithm, passphrase);
          return 'taken';
        } catch (error) {
          return JSON.stringify([String(error), (error as Error).cause ?? null]);
        }
      };
      expect(complaint()).toContain('key');
      expect(complaint()).not.toMatch(/taken|horse/);
    }
  });
});
