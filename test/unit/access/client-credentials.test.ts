import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCredentials } from '../../../src/access/client-credentials.ts';
import { OAuthError } from '../../../src/access/oauth-error.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const assertion = `${part({ alg: 'EdDSA' })}.${part({ sub: 'me' })}.AA`;
/** RFC 6749 appendix B. */
const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString('base64')}`;

const errorOf = (parameters: Record<string, string>, authorization?: string): string => {
  try {
    readCredentials(parameters, authorization);
    return 'none';
  } catch (error) {
    if (error instanceof OAuthError) return error.error;
    throw error;
  }
};

describe('client credentials', () => {
  it('come by HTTP Basic, whatever characters they have', () => {
    assert(
      property(
        string({ minLength: 1, unit: 'grapheme' }),
        string({ unit: 'grapheme' }),
        (clientId, secret) => {
          expect(readCredentials({}, basic(clientId, secret))).toEqual({
            method: 'client_secret',
            clientId,
            secret,
          });
        },
      ),
    );
  });

  it('come in the form', () => {
    const expected = { method: 'client_secret', clientId: 'me', secret: 'x' };
    expect(readCredentials({ client_id: 'me', client_secret: 'x' }, undefined)).toEqual(expected);
  });

  it('come as an assertion, with the client’s id beside it or not', () => {
    const parameters = { client_assertion: assertion, client_assertion_type: JWT_BEARER };
    const expected = { method: 'private_key_jwt', clientId: 'me', assertion };
    expect(readCredentials(parameters, undefined)).toEqual(expected);
    expect(readCredentials({ ...parameters, client_id: 'me' }, undefined)).toEqual(expected);
  });

  it.each<[string, Record<string, string>, string | undefined, string]>([
    ['nothing at all', {}, undefined, 'invalid_client'],
    ['an id alone', { client_id: 'me' }, undefined, 'invalid_client'],
    ['a secret alone', { client_secret: 'x' }, undefined, 'invalid_request'],
    ['Basic and a secret', { client_id: 'me', client_secret: 'x' }, basic('me', 'x'), 'invalid_request'],
    [
      'Basic and an assertion',
      { client_assertion: assertion, client_assertion_type: JWT_BEARER },
      basic('me', 'x'),
      'invalid_request',
    ],
    ['another scheme', {}, 'Bearer abc', 'invalid_request'],
    ['Basic without a colon', {}, `Basic ${Buffer.from('me').toString('base64')}`, 'invalid_request'],
    ['Basic that is no base64', {}, 'Basic §', 'invalid_request'],
    [
      'Basic that is badly encoded',
      {},
      `Basic ${Buffer.from('me:%zz').toString('base64')}`,
      'invalid_request',
    ],
    ['Basic for nobody', {}, basic('', 'x'), 'invalid_request'],
    ['an id that differs from Basic', { client_id: 'you' }, basic('me', 'x'), 'invalid_request'],
    ['an assertion without its type', { client_assertion: assertion }, undefined, 'invalid_request'],
    [
      'an assertion of another type',
      {
        client_assertion: assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      },
      undefined,
      'invalid_request',
    ],
    [
      'an assertion by somebody else',
      { client_assertion: assertion, client_assertion_type: JWT_BEARER, client_id: 'you' },
      undefined,
      'invalid_request',
    ],
    [
      'an assertion that is none',
      { client_assertion: 'abc', client_assertion_type: JWT_BEARER },
      undefined,
      'invalid_request',
    ],
  ])('are not %s', (_what, parameters, authorization, error) => {
    expect(errorOf(parameters, authorization)).toBe(error);
  });
});
