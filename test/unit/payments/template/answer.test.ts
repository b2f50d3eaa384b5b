import { describe, expect, it } from 'vitest';
import { readTemplateAnswer } from '../../../../src/payments/template/answer.ts';
import type { Conditions, Template } from '../../../../src/payments/template/template.ts';
import { SPREEDLY } from '../../../../src/payments/template/templates/spreedly.ts';
import { Secret } from '../../../../src/secrets/secret.ts';

const OPTIONS = {
  errorCodes: { month: 'generic_decline' as const },
  credential: new Secret('access-secret'),
};
const read = (status: number, body: unknown, answer: Template['answer'] = SPREEDLY.answer) =>
  readTemplateAnswer(
    { status, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), headers: {} },
    answer,
    OPTIONS,
  );
const transaction = (succeeded: unknown, token = 'PM-1') => ({
  transaction: { token: 'T-1', succeeded, payment_method: { token } },
});
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
    expect(read(201, transaction(true))).toEqual({
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
    ['a success without a token', 201, { transaction: { succeeded: true } }, 'unknown_outcome'],
    ['a token with a space', 201, transaction(true, 'a b'), 'unknown_outcome'],
    ['a success that is taken back in the same breath', 201, transaction(false), 'unknown_outcome'],
    ['a success that does not say so', 201, transaction(undefined), 'unknown_outcome'],
    ['a success in a text', 201, transaction('true'), 'unknown_outcome'],
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

describe('conditions', () => {
  const KEPT: Template['answer']['succeeded'] = { statuses: [200, 422], token: '/id' };
  const answerWith = (kept?: Conditions, refused?: Conditions): Template['answer'] => ({
    succeeded: { ...KEPT, ...(kept && { where: kept }) },
    declined: {
      statuses: [200, 402],
      ...(refused && { where: refused }),
      code: '/code',
      codes: { bad_number: 'incorrect_number' },
    },
  });
  const OK = { '/ok': true, '/version': 2, '/card/state': 'kept' };
  const KEPT_CARD = { ok: true, version: 2, card: { state: 'kept' }, id: 'tok_1' };

  it('hold all of them, whatever their kind', () => {
    expect(read(200, KEPT_CARD, answerWith(OK))).toMatchObject({
      result: 'succeeded',
      providerToken: 'tok_1',
    });
  });

  it.each<[string, object]>([
    ['another truth', { ok: false }],
    ['a number for a truth', { ok: 1 }],
    ['a text for a number', { version: '2' }],
    ['another number', { version: 3 }],
    ['another text', { card: { state: 'KEPT' } }],
    ['nothing at the place', { card: 'kept' }],
    ['an object at the place', { ok: { true: true } }],
    ['null', { version: null }],
  ])('are not met by %s, and the answer decides nothing', (_what, change) => {
    const body = { ...KEPT_CARD, ...change };
    expect(() => read(200, body, answerWith(OK))).toThrow(failure('unknown_outcome', /answered 200$/));
    // No refused request either, though the status alone would say so.
    expect(() => read(422, body, answerWith(OK))).toThrow(failure('unknown_outcome'));
  });

  it('tell a refusal from a kept card of the same status', () => {
    const answer = answerWith({ '/ok': true }, { '/ok': false });
    const refused = { ok: false, id: 'tok_1', code: 'bad_number' };
    expect(read(200, refused, answer)).toEqual({
      result: 'declined',
      reason: 'incorrect_number',
      rawCode: 'bad_number',
    });
    expect(() => read(200, { ...refused, code: 'other' }, answer)).toThrow(failure('unknown_outcome'));
  });

  it('keep a request that was refused from being a declined card', () => {
    const answer = answerWith({ '/ok': true }, { '/kind': 'card' });
    expect(read(402, { kind: 'card', code: 'bad_number' }, answer)).toMatchObject({ result: 'declined' });
    expect(() => read(402, { kind: 'quota', code: 'bad_number' }, answer)).toThrow(
      failure('invalid_request'),
    );
  });
});
