import { randomBytes } from 'node:crypto';
import { assert, property, string, stringMatching } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/secrets/secret.ts';
import { createNumbers, maskNumber, openOrNothing } from '../../../src/workflows/numbers.ts';

const key = randomBytes(32);
const numbers = createNumbers({ key: new Secret(key.toString('hex')) });
const OWNER = { accountId: 'acc_a', callId: 'call_1' };
const NUMBER = '+15551112222';

describe('a sealed number', () => {
  test('opens for its own row, whatever it says', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(numbers.open(numbers.seal(text, OWNER), OWNER)).toBe(Buffer.from(text).toString());
      }),
    );
  });

  test('is another one each time, and shows nothing of the number', () => {
    const [one, two] = [numbers.seal(NUMBER, OWNER), numbers.seal(NUMBER, OWNER)];
    expect(one.equals(two)).toBe(false);
    expect(one.toString('latin1')).not.toContain('2222');
  });

  test.each([
    ['another account', { ...OWNER, accountId: 'acc_b' }],
    ['another call', { ...OWNER, callId: 'call_2' }],
    ['names that run together the same way', { accountId: 'acc_acall_1', callId: '' }],
  ])('does not open for %s', (_what, owner) => {
    expect(numbers.open(numbers.seal(NUMBER, OWNER), owner)).toBeUndefined();
    expect(openOrNothing(numbers, numbers.seal(NUMBER, OWNER), owner)).toBe('');
  });

  test('does not open when any byte of it was changed, or cut off', () => {
    const sealed = numbers.seal(NUMBER, OWNER);
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(numbers.open(changed, OWNER)).toBeUndefined();
      expect(numbers.open(sealed.subarray(0, index), OWNER)).toBeUndefined();
    }
  });

  test('does not open with another key', () => {
    const other = createNumbers({ key: new Secret(randomBytes(32).toString('hex')) });
    expect(other.open(numbers.seal(NUMBER, OWNER), OWNER)).toBeUndefined();
  });

  test('opens with the same key, however it is written', () => {
    const sealed = numbers.seal(NUMBER, OWNER);
    for (const text of [
      key.toString('base64'),
      key.toString('base64url'),
      key.toString('hex').toUpperCase(),
    ]) {
      expect(createNumbers({ key: new Secret(text) }).open(sealed, OWNER)).toBe(NUMBER);
    }
  });
});

test.each(['', 'ab', randomBytes(31).toString('hex'), randomBytes(33).toString('base64')])(
  'a key of another length is none',
  (text) => expect(() => createNumbers({ key: new Secret(text) })).toThrow(/32 bytes/),
);

test('a country that there is not', () => {
  const secret = new Secret(key.toString('hex'));
  expect(() => createNumbers({ key: secret, country: 'ZZ' })).toThrow(/no country/);
});

describe('the index', () => {
  test('is the same for every way of writing a number', () => {
    const national = createNumbers({ key: new Secret(key.toString('hex')), country: 'US' });
    const index = national.index(NUMBER, 'acc_a');
    expect(index).toHaveLength(32);
    for (const text of ['555-111-2222', '(555) 111 2222', '1 555 111 2222', ' +1 555 1112222 ']) {
      expect(national.index(text, 'acc_a').equals(index)).toBe(true);
    }
  });

  test('differs by number, account and key', () => {
    const other = createNumbers({ key: new Secret(randomBytes(32).toString('hex')) });
    const all = [
      numbers.index(NUMBER, 'acc_a'),
      numbers.index('+15551112223', 'acc_a'),
      numbers.index(NUMBER, 'acc_b'),
      other.index(NUMBER, 'acc_a'),
    ];
    expect(new Set(all.map((index) => index.toString('hex'))).size).toBe(4);
  });
});

test.each([
  ['+15551112222', '+15551112222'],
  ['+44 20 7946 0958', '+442079460958'],
  ['5551112222', '5551112222'],
  ['anonymous', 'anonymous'],
  ['2000', '2000'],
  ['', ''],
])('%s is kept as %s', (text, kept) => expect(numbers.normalize(text)).toBe(kept));

describe('what everybody may see', () => {
  test.each([
    ['+15551112222', '+1•••••••2222'],
    ['+442079460958', '+44•••••••0958'],
    ['+4930123456', '+49•••••••3456'],
    ['+999123456789', '+•••••••6789'],
    ['5551112222', '•••••••2222'],
    ['2000', '•••••••00'],
    ['1', '•••••••'],
    ['', '•••••••'],
    ['anonymous', '•••••••'],
    ['alice2000', '•••••••'],
    ['sip:5551112222@example.com', '•••••••'],
    ['+1 (508) 308-4809', '+1•••••••4809'],
    ['12', '•••••••2'],
    ['12345', '•••••••45'],
    ['sip:+15083084809@example.org', '•••••••'],
  ])('of %s is %s', (number, shown) => expect(maskNumber(number)).toBe(shown));

  test('is never more than the country and four digits', () => {
    assert(
      property(stringMatching(/^\+?[0-9]{1,15}$/), (number) => {
        const [country = '', tail = ''] = maskNumber(number).split('•••••••');
        expect(tail.length).toBeLessThanOrEqual(4);
        expect(tail.length).toBeLessThanOrEqual(number.replace('+', '').length / 2);
        expect(country).toMatch(/^\+?\d{0,3}$/);
      }),
    );
  });
});
