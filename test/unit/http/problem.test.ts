import { expect, test } from 'vitest';
import { notFoundProblem, toProblem, unreadableProblem } from '../../../src/http/problem.ts';
import { HushtoneError, type ErrorKind } from '../../../src/kernel/errors.ts';
import { checkProblem } from './gateway.ts';

const SECRET = 'select pan from cards where number = 4242424242424242';

const KINDS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  mismatch: 422,
  limited: 429,
  unavailable: 503,
  internal: 500,
};

test.each(Object.entries(KINDS) as [ErrorKind, number][])('an error of kind %s is a %d', (kind, status) => {
  const problem = toProblem(new HushtoneError('what_happened', kind, 'In plain words.'), 'req_1');
  expect(problem).toMatchObject({ status, request_id: 'req_1' });
  expect(problem.title).not.toBe('Error');
});

test('an error of ours shows its code and message, and nothing of its cause', () => {
  const error = new HushtoneError('capture_ended', 'conflict', 'The capture has ended.', {
    cause: new Error(SECRET),
  });
  expect(toProblem(error, 'req_1')).toEqual({
    type: 'urn:hushtone:problem:capture_ended',
    title: 'Conflict',
    status: 409,
    code: 'capture_ended',
    detail: 'The capture has ended.',
    request_id: 'req_1',
  });
});

test.each([
  ['an internal error of ours', new HushtoneError('secret_wiped', 'internal', SECRET)],
  ['an error of a library', new TypeError(SECRET)],
  ['a failed statement', Object.assign(new Error(SECRET), { code: '23505', detail: SECRET })],
  ['an error that calls itself a server error', Object.assign(new Error(SECRET), { statusCode: 502 })],
  ['text', SECRET],
  ['null', null],
  ['undefined', undefined],
  ['an object', { message: SECRET, toString: (): string => SECRET }],
])('%s is a 500 that shows nothing', (_, error) => {
  expect(toProblem(error, 'req_1')).toEqual({
    type: 'urn:hushtone:problem:internal_error',
    title: 'Internal error',
    status: 500,
    code: 'internal_error',
    detail: 'The request failed.',
    request_id: 'req_1',
  });
});

test.each([
  [413, 413, 'body_too_large'],
  [415, 415, 'media_type_unsupported'],
  [400, 400, 'request_invalid'],
  [414, 400, 'request_invalid'],
  [499, 400, 'request_invalid'],
])('a fault %d of the framework is a %d %s without its words', (statusCode, status, code) => {
  const problem = toProblem(Object.assign(new Error(SECRET), { statusCode }), 'req_1');
  expect(problem).toMatchObject({ status, code });
  expect(JSON.stringify(problem)).not.toContain('4242');
});

test('a validation error names what is wrong where, and no value', () => {
  const problem = toProblem(
    {
      validationContext: 'body',
      validation: [
        { instancePath: '/amount/value', message: 'must be integer', params: { type: 'integer' } },
        {
          instancePath: '',
          message: 'must NOT have additional properties',
          params: { additionalProperty: 'cvv' },
        },
        {
          instancePath: '',
          message: 'must NOT have additional properties',
          params: { additionalProperty: '4242424242424242' },
        },
        { instancePath: '', params: { missingProperty: 'purpose' } },
      ],
    },
    'req_1',
  );
  expect(problem).toMatchObject({ status: 400, code: 'request_invalid' });
  expect(problem.problems).toEqual([
    { pointer: '/body/amount/value', detail: 'must be integer' },
    { pointer: '/body', detail: 'must NOT have additional properties (cvv)' },
    { pointer: '/body', detail: 'must NOT have additional properties' },
    { pointer: '/body', detail: 'is not valid (purpose)' },
  ]);
});

test('a flood of validation mistakes is cut to twenty', () => {
  const validation = Array.from({ length: 500 }, () => ({ instancePath: '/fields', message: 'no' }));
  expect(toProblem({ validation }, 'req_1').problems).toHaveLength(20);
});

test.each([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_INVALID_METHOD', 400],
  [undefined, 400],
])('bytes that are no request (%s) are a %d', (code, status) => {
  expect(unreadableProblem(code, 'req_1').status).toBe(status);
});

test('every problem is what openapi.yaml calls one', () => {
  const problems = [
    ...(Object.keys(KINDS) as ErrorKind[]).map((kind) => toProblem(new HushtoneError('x', kind, 'y'), 'r')),
    toProblem({ validation: [{ instancePath: '/a', message: 'no' }] }, 'r'),
    toProblem({ statusCode: 413 }, 'r'),
    toProblem({ statusCode: 415 }, 'r'),
    notFoundProblem('r'),
    unreadableProblem('HPE_HEADER_OVERFLOW', 'r'),
    unreadableProblem('ERR_HTTP_REQUEST_TIMEOUT', 'r'),
  ];
  for (const problem of problems) expect(() => checkProblem(problem)).not.toThrow();
  expect(() => checkProblem({ ...problems[0], cause: 'x' })).toThrow('additional properties');
});

test.each([
  ['amount', 'is not valid (amount)'],
  ['inter_digit_timeout_seconds', 'is not valid (inter_digit_timeout_seconds)'],
  ['4242', 'is not valid'],
  ['pin12345', 'is not valid'],
  ["x'; drop table captures; --", 'is not valid'],
  ['<script>', 'is not valid'],
  ['a\nb', 'is not valid'],
  ['a'.repeat(41), 'is not valid'],
])('of an unknown member %j the problem says: %s', (additionalProperty, detail) => {
  const validation = [{ instancePath: '', params: { additionalProperty } }];
  expect(toProblem({ validation }, 'req_1').problems).toEqual([{ pointer: '/body', detail }]);
});
