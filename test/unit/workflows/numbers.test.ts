import { createCipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { assert, asyncProperty, property, string, stringMatching } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import { createEarlierNumbers } from '../../../src/workflows/earlier-numbers.ts';
import { maskNumber, openOrNothing } from '../../../src/workflows/numbers.ts';
import { createNumbersRing, createTestNumbers } from '../../support/numbers.ts';

const OWNER = { accountId: 'acc_a', callId: 'call_1' };
const NUMBER = '+15551112222';

const keyRing = await createNumbersRing();
const numbers = await createTestNumbers({ keyRing });

async function seal(text = NUMBER, from = numbers): Promise<{ sealed: Buffer; index: Buffer }> {
  const stored = await from.seal(text, OWNER);
  if (stored === undefined) throw new Error('nothing was sealed');
  return stored;
}

describe('a sealed number', () => {
  test('opens for its own row, whatever it says', async () => {
    await assert(
      asyncProperty(string({ minLength: 1, maxLength: 300 }), async (text) => {
        const stored = await numbers.seal(text, OWNER);
        const opened = stored && (await numbers.open(stored.sealed, OWNER));
        expect(opened ?? '').toBe(Buffer.from(numbers.normalize(text)).toString());
      }),
    );
  });

  test('names its key, is another one each time, and shows nothing of the number', async () => {
    const [one, two] = [await seal(), await seal()];
    expect(one.sealed.equals(two.sealed)).toBe(false);
    expect(one.sealed.toString('latin1')).not.toContain('2222');
    expect(one.sealed[0]).toBe(2);
    expect(one.sealed.toString('latin1', 1, 31)).toBe(keyRing.list()[0]?.id);
    expect(one.sealed).toHaveLength(1 + 30 + 40 + 12 + NUMBER.length + 16);
  });

  test.each([
    ['another account', { ...OWNER, accountId: 'acc_b' }],
    ['another call', { ...OWNER, callId: 'call_2' }],
    ['names that run together the same way', { accountId: 'acc_acall_1', callId: '' }],
  ])('does not open for %s', async (_what, owner) => {
    const { sealed } = await seal();
    expect(await numbers.open(sealed, owner)).toBeUndefined();
    expect(await openOrNothing(numbers, sealed, owner)).toBe('');
  });

  test('does not open when any byte of it was changed, or cut off', async () => {
    const { sealed } = await seal();
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(await numbers.open(changed, OWNER)).toBeUndefined();
      expect(await numbers.open(sealed.subarray(0, index), OWNER)).toBeUndefined();
    }
  });

  test('does not open with other keys', async () => {
    const other = await createTestNumbers();
    expect(await other.open((await seal()).sealed, OWNER)).toBeUndefined();
  });

  test('of a caller who sends none is none', async () => {
    expect(await numbers.seal('', OWNER)).toBeUndefined();
    expect(await numbers.seal('  ', OWNER)).toBeUndefined();
    expect(await openOrNothing(numbers, null, OWNER)).toBe('');
  });

  test('is none, and the call goes on, where its keys cannot be reached', async () => {
    const away = new HushtoneError('key_provider_unavailable', 'unavailable', 'the token is away');
    const without = await createTestNumbers({ keyRing: { ...keyRing, seal: () => Promise.reject(away) } });
    expect(await without.seal(NUMBER, OWNER)).toBeUndefined();
  });

  test('has its index under the same key, whatever is rotated meanwhile', async () => {
    const macs = ['key_x', keyRing.list()[0]?.id ?? ''];
    const ring = {
      ...keyRing,
      list: () => keyRing.list(),
      seal: keyRing.seal.bind(keyRing),
      mac: () => Promise.resolve({ keyId: macs.shift() ?? '', mac: Buffer.alloc(32, macs.length) }),
    };
    expect((await seal(NUMBER, await createTestNumbers({ keyRing: ring }))).index).toEqual(
      Buffer.alloc(32, 0),
    );
  });
});

test('a country that there is not', async () => {
  await expect(createTestNumbers({ country: 'ZZ' })).rejects.toThrow(/no country/);
});

describe('the index', () => {
  test('is the same for every way of writing a number', async () => {
    const national = await createTestNumbers({ keyRing, country: 'US' });
    const { index } = await seal();
    expect(index).toHaveLength(32);
    for (const text of ['555-111-2222', '(555) 111 2222', '1 555 111 2222', ' +1 555 1112222 ']) {
      expect(await national.indexes(text, 'acc_a')).toEqual([index]);
      expect((await seal(text, national)).index).toEqual(index);
    }
  });

  test('differs by number, account and key', async () => {
    const other = await createTestNumbers();
    const all = await Promise.all([
      numbers.indexes(NUMBER, 'acc_a'),
      numbers.indexes('+15551112223', 'acc_a'),
      numbers.indexes(NUMBER, 'acc_b'),
      other.indexes(NUMBER, 'acc_a'),
    ]);
    expect(new Set(all.flat().map((index) => index.toString('hex'))).size).toBe(4);
  });
});

describe('a number from before the key ring', () => {
  const key = randomBytes(32);
  const derive = (use: string): Buffer =>
    Buffer.from(hkdfSync('sha256', key, '', `hushtone numbers ${use} v1`, 32));
  const bound = (...parts: string[]): Buffer => Buffer.from(['number', ...parts].join('\0'));

  /** As the gateway has stored it up to then. */
  function sealedThen(): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', derive('seal'), nonce);
    cipher.setAAD(bound('acc_a', 'call_1'));
    const text = Buffer.concat([cipher.update(NUMBER), cipher.final()]);
    return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), text]);
  }

  test.each(['hex', 'base64', 'base64url'] as const)(
    'opens and is found with NUMBERS_KEY in %s',
    async (form) => {
      const earlier = createEarlierNumbers(new Secret(key.toString(form)));
      const now = await createTestNumbers({ keyRing, earlier });
      expect(await now.open(sealedThen(), OWNER)).toBe(NUMBER);
      const then = createHmac('sha256', derive('index')).update(bound('acc_a', NUMBER)).digest();
      expect((await now.indexes(NUMBER, 'acc_a')).at(-1)).toEqual(then);
    },
  );

  test('does not open without the key, with another, for another row, or changed', async () => {
    const other = createEarlierNumbers(new Secret(randomBytes(32).toString('hex')));
    const right = createEarlierNumbers(new Secret(key.toString('hex')));
    expect(await numbers.open(sealedThen(), OWNER)).toBeUndefined();
    expect(await (await createTestNumbers({ earlier: other })).open(sealedThen(), OWNER)).toBeUndefined();
    expect(right.open(sealedThen(), { ...OWNER, callId: 'call_2' })).toBeUndefined();
    const sealed = sealedThen();
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(right.open(changed, OWNER)).toBeUndefined();
      expect(right.open(sealed.subarray(0, index), OWNER)).toBeUndefined();
    }
  });

  test.each(['', 'ab', randomBytes(31).toString('hex'), randomBytes(33).toString('base64')])(
    'a key of another length is none',
    (text) => expect(() => createEarlierNumbers(new Secret(text))).toThrow(/32 bytes/),
  );
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
