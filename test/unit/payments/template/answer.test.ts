import { describe, expect, it } from 'vitest';
import { readTemplateAnswer } from '../../../../src/payments/template/answer.ts';
import { SPREEDLY } from '../../../../src/payments/template/templates/spreedly.ts';
import { Secret } from '../../../../src/secrets/secret.ts';

const OPTIONS = {
  errorCodes: { month: 'generic_decline' as const },
  credential: new Secret('access-secret'),
};
const read = (status: number, body: unknown, options = OPTIONS) =>
  readTemplateAnswer(
    { status, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), headers: {} },
    SPREEDLY.answer,
    options,
  );
const refusedFor = (attribute: unknown) => ({
  errors: [{ attribute, key: 'errors.invalid', message: 'no' }],
});
const failure = (name: string, message?: RegExp) =>
  expect.objectContaining({
    name: 'ProviderError',
    failure: name,
    ...(message && { message: expect.stringMatching(message) as string }),
  }) as Error;

describe('readTemplateAnswer', () => {
  it('reads the token and the reference', () => {
    const answer = { transaction: { token: 'T-1', payment_method: { token: 'PM-1' } } };
    expect(read(201, answer)).toEqual({
      result: 'succeeded',
      providerReference: 'T-1',
      providerToken: 'PM-1',
    });
  });

  it('reads a card that was refused, by the codes of the template and of the configuration', () => {
    expect(read(422, refusedFor('number'))).toEqual({
      result: 'declined',
      reason: 'incorrect_number',
      rawCode: 'number',
    });
    expect(read(422, refusedFor('month'))).toMatchObject({ reason: 'generic_decline', rawCode: 'month' });
  });

  it.each([
    ['a success without a token', 201, {}, 'unknown_outcome'],
    [
      'a token with a space',
      201,
      { transaction: { token: 'T', payment_method: { token: 'a b' } } },
      'unknown_outcome',
    ],
    ['a success that is not JSON', 201, '<html>', 'unknown_outcome'],
    ['a success with another status', 204, '', 'unknown_outcome'],
    ['a redirection', 302, '', 'unknown_outcome'],
    ['a refused request', 422, refusedFor('full_name'), 'invalid_request'],
    ['a refusal without a code', 422, {}, 'invalid_request'],
    ['wrong credentials', 401, {}, 'authentication'],
    ['too many requests', 429, {}, 'rate_limited'],
    ['a conflict', 409, {}, 'unknown_outcome'],
    ['a server error', 502, '<html>', 'unknown_outcome'],
  ])('tells %s', (_what, status, body, expected) => {
    expect(() => read(status, body)).toThrow(failure(expected));
  });

  it('quotes what is wrong without a digit, a line break or the credential', () => {
    const told = { errors: [{ key: 'errors.bad', message: '4242 4242\nٳ٤٢\u0000 is wrong' }] };
    expect(() => read(400, told)).toThrow(
      failure('invalid_request', /^the tokenizer answered 400: errors\.bad, •{4} •{4} /),
    );
    let message = '';
    try {
      read(400, told);
    } catch (error) {
      message = (error as Error).message.slice('the tokenizer answered 400'.length);
    }
    expect(message).not.toMatch(/[\p{Nd}\p{Cc}]/u);
    const leaked = { errors: [{ key: 'errors.access', message: 'access-secret is wrong' }] };
    expect(() => read(400, leaked)).toThrow(failure('invalid_request', /: errors\.access$/));
  });
});
