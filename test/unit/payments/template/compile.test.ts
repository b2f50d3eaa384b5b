import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../../../src/payments/template/compile.ts';
import type { TemplateValues } from '../../../../src/payments/template/placeholders.ts';
import type { Json, Template } from '../../../../src/payments/template/template.ts';
import { lend, type BodyChunk } from '../../../../src/payments/transport/body.ts';
import { secretDigits } from '../secret-digits.ts';

const template = (
  body: { readonly [name: string]: Json },
  changes: { readonly headers?: Record<string, string>; readonly path?: string } & Partial<Template> = {},
): Template => {
  const { headers, path = '/tokens', ...rest } = changes;
  return {
    authentication: { scheme: 'bearer' },
    request: { path, body, ...(headers && { headers }) },
    answer: { succeeded: { statuses: [201], token: '/id' } },
    check: { method: 'GET', path: '/me' },
    ...rest,
  };
};

const VALUES: TemplateValues = {
  card: {
    cardNumber: secretDigits('4242424242424242'),
    expiry: secretDigits('0827'),
    securityCode: secretDigits('123'),
  },
  idempotencyKey: 'att_1',
  reference: 'order "5"',
};

const sent = (chunks: readonly BodyChunk[]): string =>
  chunks
    .map((chunk) =>
      typeof chunk === 'string' ? chunk : lend(chunk, (bytes) => Buffer.from(bytes).toString()),
    )
    .join('');
const filled = (body: { readonly [name: string]: Json }, values = VALUES): unknown =>
  JSON.parse(sent(compileTemplate(template(body)).body(values)));

describe('compileTemplate', () => {
  it('fills every placeholder', () => {
    const body = {
      number: '{{card.number}}',
      code: '{{ card.security_code }}',
      month: '{{card.expiry_month}}',
      month_number: '{{card.expiry_month_number}}',
      year: '{{card.expiry_year}}',
      year_2: '{{card.expiry_year_2}}',
      nested: { year_number: '{{card.expiry_year_number}}', list: [1, true, null, 'a', '{{reference}}'] },
      key: '{{idempotency_key}}',
    };
    expect(filled(body)).toEqual({
      number: '4242424242424242',
      code: '123',
      month: '08',
      month_number: 8,
      year: '2027',
      year_2: '27',
      nested: { year_number: 2027, list: [1, true, null, 'a', 'order "5"'] },
      key: 'att_1',
    });
  });

  it('writes a month of two digits as a number too', () => {
    const values = { ...VALUES, card: { ...VALUES.card, expiry: secretDigits('1227') } };
    expect(filled({ month: '{{card.expiry_month_number}}' }, values)).toEqual({ month: 12 });
  });

  it('leaves out what there is no value for', () => {
    const { cardNumber } = VALUES.card;
    const body = {
      first: '{{card.security_code}}',
      number: '{{card.number}}',
      zip: '{{card.postal_code}}',
      month: '{{card.expiry_month_number}}',
      customer: '{{customer_reference}}',
      list: ['{{reference}}'],
    };
    const values = { card: { cardNumber }, idempotencyKey: 'att_1' };
    expect(filled(body, values)).toEqual({ number: '4242424242424242', list: [null] });
    expect(filled({ only: '{{reference}}' }, values)).toEqual({});
  });

  it('lends every value that was keyed as a chunk of its own, between public text', () => {
    const chunks = compileTemplate(
      template({ a: 1, number: '{{card.number}}', b: 2, year: '{{card.expiry_year}}' }),
    ).body(VALUES);
    expect(chunks.map((chunk) => typeof chunk === 'string')).toEqual([true, false, true, false, true]);
    expect(chunks[0]).toBe('{"a":1,"number":"');
    expect(chunks[1]).toBe(VALUES.card.cardNumber);
    expect(chunks[3]).toEqual({ of: VALUES.card.expiry, start: 2, end: 4 });
  });

  it('fills headers with public values, and leaves out those without', () => {
    const headers = {
      'X-Key': '{{idempotency_key}}',
      'X-Customer': '{{customer_reference}}',
      'X-Version': '5',
    };
    expect(compileTemplate(template({ a: 1 }, { headers })).headers(VALUES)).toEqual({
      'X-Key': 'att_1',
      'X-Version': '5',
    });
  });

  it.each(['X-Api-Key', 'Authorization', 'Cookie'])('takes a credential in %s', (name) => {
    const authentication = { scheme: 'header', name } as const;
    expect(() => compileTemplate(template({ a: 1 }, { authentication }))).not.toThrow();
  });

  it.each<[string, Template, RegExp]>([
    [
      'a card value in a header',
      template({ a: 1 }, { headers: { 'X-Card': '{{card.number}}' } }),
      /request\/headers\/X-Card has a card value; those may stand in the body/,
    ],
    [
      'a card value in a longer header',
      template({ a: 1 }, { headers: { 'X-Card': 'n={{card.number}}' } }),
      /request\/headers\/X-Card has a card value/,
    ],
    [
      'a card value in the path',
      template({ a: 1 }, { path: '/cards/{{card.number}}' }),
      /request\/path has a card value/,
    ],
    [
      'a card value in the answer',
      template({ a: 1 }, { answer: { succeeded: { statuses: [201], token: '/{{card.number}}' } } }),
      /answer has a card value/,
    ],
    [
      'a card value in the check',
      template(
        { a: 1 },
        { check: { method: 'POST', path: '/', body: { deep: [{ number: '{{ card.number }}' }] } } },
      ),
      /check has a card value/,
    ],
    ['a card value in the name of a member', template({ '{{card.number}}': 1 }), /has a card value/],
    [
      'a card value in a longer text',
      template({ card: '{{card.number}} {{card.security_code}}' }),
      /must be the whole text/,
    ],
    ['a public value in a longer text', template({ key: 'k-{{idempotency_key}}' }), /not the whole text/],
    [
      'an unknown placeholder',
      template({ name: '{{card.holder}}' }),
      /unknown placeholder; there are card\.number/,
    ],
    ['an inherited name', template({ name: '{{constructor}}' }), /unknown placeholder/],
    ['half a placeholder', template({ name: '{{card.number' }), /not the whole text/],
    [
      'a header of the gateway’s',
      template({ a: 1 }, { headers: { 'Content-Length': '5' } }),
      /content-length, which the gateway sets/,
    ],
    [
      'a header that authenticates',
      template({ a: 1 }, { headers: { authorization: 'x' } }),
      /authorization, which/,
    ],
    ...['Content-Length', 'transfer-encoding', 'Connection', 'HOST', 'Content-Type', 'te', 'Upgrade'].map(
      (name): [string, Template, RegExp] => [
        `a credential in ${name}`,
        template({ a: 1 }, { authentication: { scheme: 'header', name } }),
        new RegExp(`authentication puts the credential into ${name.toLowerCase()}, which the gateway sets`),
      ],
    ),
    [
      'one status for a kept and for a refused card',
      template(
        { a: 1 },
        {
          answer: {
            succeeded: { statuses: [200, 201], token: '/id' },
            declined: { statuses: [200, 422], where: { '/ok': false }, code: '/code', codes: {} },
          },
        },
      ),
      /answer has 200 for a kept and for a refused card: say in succeeded\/where/,
    ],
    [
      'a card value in a condition',
      template(
        { a: 1 },
        { answer: { succeeded: { statuses: [201], where: { '/id': '{{card.number}}' }, token: '/id' } } },
      ),
      /answer has a card value/,
    ],
    ['what is too long', template({ a: 'x'.repeat(16 * 1024) }), /too long/],
    [
      'what is nested too deep',
      template({ a: Array.from({ length: 14 }).reduce<Json>((inner) => [inner], 1) }),
      /nested too deep/,
    ],
  ])('refuses %s', (_what, wrong, message) => {
    expect(() => compileTemplate(wrong)).toThrow(
      expect.objectContaining({
        code: 'template_invalid',
        kind: 'invalid',
        message: expect.stringMatching(message) as string,
      }),
    );
  });
});
