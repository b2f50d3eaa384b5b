import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/secrets/secret.ts';
import { createBasicAuth } from '../../../../src/telephony/jambonz/basic-auth.ts';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('createBasicAuth', () => {
  const authorized = createBasicAuth('jambonz', new Secret('pass:word'));

  it('accepts the one pair', () => {
    expect(authorized(basic('jambonz:pass:word'))).toBe(true);
    expect(authorized(basic('jambonz:pass:word').replace('Basic', 'basic'))).toBe(true);
  });

  it.each([
    undefined,
    '',
    'Basic ',
    basic('jambonz:pass'),
    basic('other:pass:word'),
    'Bearer abc',
    basic(''),
  ])('refuses %s', (header) => {
    expect(authorized(header)).toBe(false);
  });
});
