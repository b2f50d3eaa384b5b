import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskMembers, maskText } from '../../../src/audit/masking.ts';

test('telephone numbers keep their last four digits', () => {
  expect(
    maskMembers({
      from: '+15083082222',
      caller_number: '2000',
      to: '+49 89 1234567',
      call: { phone: '+15551234' },
    }),
  ).toEqual({ from: '+•••••••2222', caller_number: '•••', to: '+•••••••4567', call: { phone: '+••••1234' } });
});

test('of a secret a record tells only that there is one', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const masked = maskMembers({
    secret,
    client_secret: secret,
    secrets: [secret],
    private_key: { d: secret },
    secret_hash: secret,
    pin: 1234,
    access_token: secret,
    url: 'https://example.com/hook',
  });
  expect(JSON.stringify(masked)).not.toContain('MfKQ');
  expect(masked).toEqual({
    secret: '•••',
    client_secret: '•••',
    secrets: '•••',
    private_key: '•••',
    secret_hash: '•••',
    pin: '•••',
    access_token: '•••',
    url: 'https://example.com/hook',
  });
});

test.each([
  'secret',
  'secrets',
  'password',
  'passwords',
  'passcode',
  'pin',
  'security_code',
  'otp',
  'one_time_code',
  'private_key',
  'token',
  'assertion',
  'authorization',
  'credential',
  'credentials',
  'hash',
  'salt',
])('a member %s is a secret, by itself and behind other words', (name) => {
  const masked = maskMembers({ [name]: '123456', [`caller_${name}`]: 123456 });
  expect(masked).toEqual({ [name]: '•••', [`caller_${name}`]: '•••' });
});

test.each([
  'from',
  'to',
  'phone',
  'msisdn',
  'number',
  'phone_number',
  'caller_phone',
  'caller_msisdn',
  'caller_number',
])('a member %s is a telephone number', (name) => {
  expect(maskMembers({ [name]: '+15083082222' })).toEqual({ [name]: '+•••••••2222' });
});

describe('digits like those of a card', () => {
  test.each([
    ['as text', { note: '4242424242424242' }],
    ['as a number', { note: 4242424242424242 }],
    ['deep inside', { list: [{ further: ['x4012001037141112x'] }] }],
    ['as the name of a member', { '4242424242424242': 1 }],
    ['twelve of them', { note: '424242424242' }],
  ])('%s are refused', (_how, members) => {
    expect(() => maskMembers(members)).toThrow(expect.objectContaining({ code: 'audit_digits' }));
  });

  test('the refusal does not repeat them', () => {
    expect(() => maskMembers({ note: '4242424242424242' })).toThrow(/^(?!.*4242)/);
  });

  test.each([
    ['card 4242 4242 4242 4242', 'card •••4242'],
    ['4012-0010-3714-1112', '•••1112'],
    ['2026-03-04-000123', '•••0123'],
  ])('%s is hidden: groups may be something else', (text, masked) => {
    expect(maskMembers({ note: text })).toEqual({ note: masked });
  });

  test.each(['2026-03-04T05:06:07.890Z', '42424242424', '192.168.100.200', '1 000 000 000'])(
    '%s is none of them',
    (text) => {
      expect(maskMembers({ note: text })).toEqual({ note: text });
    },
  );

  test('in a text from outside they are hidden, so that its record is not lost', () => {
    expect(maskText('4242424242424242')).toBe('•••4242');
  });

  test('none ever gets through, whatever is around them', () => {
    const digit = fc.integer({ min: 0, max: 9 }).map(String);
    const run = fc.array(digit, { minLength: 12, maxLength: 19 }).map((digits) => digits.join(''));
    fc.assert(
      fc.property(fc.string(), run, fc.string(), (before, digits, after) => {
        expect(() => maskMembers({ note: `${before}${digits}${after}` })).toThrow(/card number/);
      }),
    );
  });
});

test('what the database cannot keep as JSON is replaced, not refused', () => {
  expect(maskText('a\0b\ud800c')).toBe('a␀b�c');
});
