import { expect, test } from 'vitest';
import { HushtoneError } from '../../../src/kernel/errors.ts';

test('an error carries its code, its kind and its cause', () => {
  const cause = new Error('underneath');
  const error = new HushtoneError('call_not_found', 'not_found', 'There is no such call.', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'HushtoneError',
    code: 'call_not_found',
    kind: 'not_found',
    message: 'There is no such call.',
    cause,
  });
});

test('without a cause there is none', () => {
  expect('cause' in new HushtoneError('x', 'internal', 'y')).toBe(false);
});
