import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HushtoneError } from '../../../../src/kernel/errors.ts';
import {
  decodeBencode,
  decodeBencodePrefix,
  encodeBencode,
  LARGEST_MESSAGE_BYTES,
  type BencodeValue,
} from '../../../../src/telephony/rtpengine/bencode.ts';

const latin1 = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

const bencodeValue: fc.Arbitrary<BencodeValue> = fc.letrec<{ value: BencodeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(latin1, tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
  ),
})).value;

/** Single bytes that bencode is made of, so that random input gets past the first byte. */
const hostileBytes = fc
  .array(fc.oneof(fc.constantFrom(...'0123456789:dlei-'.split('')), fc.integer({ min: 0, max: 255 })), {
    maxLength: 60,
  })
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(typeof part === 'number' ? [part] : part))));

describe('round trip', () => {
  test('what was encoded decodes to the same', () => {
    fc.assert(
      fc.property(bencodeValue, (value) => {
        expect(decodeBencode(encodeBencode(value))).toEqual(value === 0 ? 0 : value);
      }),
    );
  });

  test('a strict decoder: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(hostileBytes, (bytes) => {
        let value: BencodeValue;
        try {
          value = decodeBencode(bytes);
        } catch {
          return;
        }
        expect(encodeBencode(value)).toEqual(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a message as rtpengine documents it', () => {
    const message = {
      command: 'block DTMF',
      'call-id': 'c1',
      flags: ['directional'],
      'DTMF-security': 'drop',
    };
    expect(encodeBencode(message).toString()).toBe(
      'd7:command10:block DTMF7:call-id2:c15:flagsl11:directionale13:DTMF-security4:drope',
    );
    expect(decodeBencode(Buffer.from('d6:result4:pong7:createdi1795288257ee'))).toEqual(
      new Map<string, unknown>([
        ['result', Buffer.from('pong')],
        ['created', 1_795_288_257],
      ]),
    );
  });

  test('a key whose value is undefined is left out', () => {
    expect(encodeBencode({ command: 'ping', nothing: undefined }).toString()).toBe('d7:command4:pinge');
  });
});

describe('hostile bytes', () => {
  test('decode or raise bencode_invalid, nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(hostileBytes, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        let refusal: unknown;
        try {
          decodeBencode(Buffer.from(bytes));
        } catch (error) {
          refusal = error;
        }
        const asDocumented =
          refusal === undefined || (refusal instanceof HushtoneError && refusal.code === 'bencode_invalid');
        expect(asDocumented).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['nothing', ''],
    ['an unknown type', 'x'],
    ['a leading zero', 'i01e'],
    ['a negative zero', 'i-0e'],
    ['an empty integer', 'ie'],
    ['a bare sign', 'i-e'],
    ['an integer beyond 64 bits', 'i9223372036854775808e'],
    ['a number without end', `i${'1'.repeat(40)}`],
    ['a length with a leading zero', '01:a'],
    ['a length with a sign', '-1:a'],
    ['a string longer than a message', '65537:a'],
    ['a huge length', '99999999999:a'],
    ['a key that is no string', 'di1e1:ae'],
    ['a key without value', 'd1:ae'],
    ['a duplicate key', 'd1:ai1e1:ai2ee'],
    ['an open list', 'li1e'],
    ['an open dictionary', 'd1:ai1e'],
    ['a string cut short', '5:abcd'],
    ['bytes after the end', 'i1ei2e'],
    ['a stray end', 'e'],
    ['deep nesting', `${'l'.repeat(40)}${'e'.repeat(40)}`],
  ])('%s', (_name, text) => {
    expect(() => decodeBencode(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'bencode_invalid' }),
    );
  });

  test('a key named __proto__ is a key like any other', () => {
    const decoded = decodeBencode(Buffer.from('d9:__proto__d5:admini1eee'));
    expect((decoded as ReadonlyMap<string, BencodeValue>).get('__proto__')).toEqual(new Map([['admin', 1]]));
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  test('no byte of the message is in the error', () => {
    expect(() => decodeBencode(Buffer.from('i4242x'))).toThrow(/^not a bencode message: an integer$/);
  });
});

describe('a stream', () => {
  test('every cut of a message asks for more, and the whole ends where it ends', () => {
    fc.assert(
      fc.property(bencodeValue, fc.nat(), (value, at) => {
        const message = encodeBencode(value);
        const cut = at % message.length;
        expect(decodeBencodePrefix(message.subarray(0, cut))).toBeUndefined();
        const followed = Buffer.concat([Buffer.from('xx'), message, Buffer.from('i7e')]);
        expect(decodeBencodePrefix(followed, 2)?.end).toBe(message.length + 2);
      }),
    );
  });

  test('a value that would never end within the limit is refused', () => {
    const endless = Buffer.concat([Buffer.from('l'), Buffer.from('i1e'.repeat(30_000))]);
    expect(() => decodeBencodePrefix(endless)).toThrow(expect.objectContaining({ code: 'bencode_invalid' }));
  });
});

describe('encoding refuses', () => {
  test.each([
    ['a fraction', 1.5],
    ['an unsafe integer', 2 ** 60],
    ['not a number', Number.NaN],
    ['an integer beyond 64 bits', 2n ** 63n],
    ['a message too long', 'a'.repeat(LARGEST_MESSAGE_BYTES)],
    ['a key beyond Latin-1', { '€': 1 }],
    ['nothing', null as unknown as string],
    ['a function', (() => 1) as unknown as string],
  ])('%s', (_name, value) => {
    expect(() => encodeBencode(value)).toThrow(expect.objectContaining({ code: 'bencode_invalid' }));
  });

  test('a list that holds itself', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => encodeBencode(endless as string[])).toThrow(
      expect.objectContaining({ code: 'bencode_invalid' }),
    );
  });
});
