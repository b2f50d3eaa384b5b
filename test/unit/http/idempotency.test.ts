import { describe, expect, test } from 'vitest';
import { loadContract } from '../../../src/http/contract.ts';
import { readKey } from '../../../src/http/idempotency.ts';

const UUID = '8e03978e-40d5-43e8-bc93-6894a57f9324';

describe('an Idempotency-Key', () => {
  test.each([
    [UUID, UUID],
    [`"${UUID}"`, UUID],
    ['a', 'a'],
    ['Order_1:2.3-4', 'Order_1:2.3-4'],
    ['x'.repeat(64), 'x'.repeat(64)],
    [`"${'x'.repeat(64)}"`, 'x'.repeat(64)],
  ])('%s is read', (header, key) => {
    expect(readKey(header, true)).toBe(key);
  });

  test.each([
    '',
    '""',
    '"a',
    'a"',
    'a b',
    'a, b',
    '"a";q=1',
    'ä',
    'a/b',
    'a\n',
    'x'.repeat(65),
    `"${'x'.repeat(65)}"`,
  ])('%j is refused', (header) => {
    for (const required of [true, false]) {
      expect(() => readKey(header, required)).toThrow(
        expect.objectContaining({ code: 'idempotency_key_invalid', kind: 'invalid' }),
      );
    }
  });

  test('may be missing only where it is not needed', () => {
    expect(readKey(undefined, false)).toBeUndefined();
    expect(() => readKey(undefined, true)).toThrow(
      expect.objectContaining({ code: 'idempotency_key_missing', kind: 'invalid' }),
    );
  });
});

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, unknown>>;
}

const CONTRACT = loadContract(new URL('../../../openapi.yaml', import.meta.url));
const POSTS = Object.values(
  CONTRACT.document['paths'] as Record<string, { readonly post?: Operation }>,
).flatMap(({ post }) => post ?? []);

describe('the contract', () => {
  /** A form that is no JSON, and a search that changes nothing. */
  const WITHOUT = ['createToken', 'searchCalls', 'takeConnectorPayment'];
  const NEEDED = [
    'capturePayment',
    'createCapture',
    'createGrant',
    'createPayment',
    'refundPayment',
    'submitCapture',
    'voidPayment',
  ];

  test('needs a key where money or a capture starts', () => {
    const needed = POSTS.filter(({ operationId }) => CONTRACT.idempotencyOf(operationId) === 'required');
    expect(needed.map(({ operationId }) => operationId).sort()).toEqual(NEEDED);
  });

  test('takes one with every POST that changes something', () => {
    const without = POSTS.filter(({ operationId }) => CONTRACT.idempotencyOf(operationId) === undefined);
    expect(without.map(({ operationId }) => operationId).sort()).toEqual(WITHOUT);
  });

  test.each(POSTS.filter(({ operationId }) => !WITHOUT.includes(operationId)))(
    'declares what a key can be answered with: $operationId',
    ({ responses }) => {
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '409', '422']));
    },
  );

  test('takes none where nothing is posted', () => {
    expect(CONTRACT.idempotencyOf('getCapture')).toBeUndefined();
  });
});
