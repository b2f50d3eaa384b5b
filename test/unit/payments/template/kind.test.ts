import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { compileTemplate } from '../../../../src/payments/template/compile.ts';
import { templateKind } from '../../../../src/payments/template/kind.ts';
import { SHIPPED_TEMPLATES } from '../../../../src/payments/template/templates/index.ts';

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
const validate = ajv.compile(templateKind.configurationSchema);
const DEPENDENCIES = { clock: systemClock, logger: silentLogger, timeoutMs: 1000 };
const TEMPLATE = SHIPPED_TEMPLATES['basis-theory'];

describe('templateKind', () => {
  it.each(Object.entries(SHIPPED_TEMPLATES))('ships %s as data that its schema knows', (name, template) => {
    expect(validate({ template: name, credential: 'c' })).toBe(true);
    expect(validate({ template: JSON.parse(JSON.stringify(template)) as unknown, credential: 'c' })).toBe(
      true,
    );
    expect(() => compileTemplate(template)).not.toThrow();
  });

  it('its schema knows conditions of every kind', () => {
    const where = { '/ok': true, '/a~1b/0': 'kept', '/version': 2.5, '/error': '' };
    const declined = { statuses: [201], where: { '/ok': false }, code: '/code', codes: {} };
    const answer = { succeeded: { statuses: [201], where, token: '/id' }, declined };
    expect(validate({ template: { ...TEMPLATE, answer }, credential: 'c' })).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a name that is not shipped', 'none'],
    ['no answer', { ...TEMPLATE, answer: undefined }],
    ['an unknown member', { ...TEMPLATE, script: 'x' }],
    ['a pointer that is none', { ...TEMPLATE, answer: { succeeded: { statuses: [201], token: 'id' } } }],
    ...Object.entries<unknown>({
      'a condition at no pointer': { id: true },
      'a condition at an escape that is none': { '/a~2': true },
      'a condition of the whole answer': { '': true },
      'a condition that is an object': { '/id': { ok: true } },
      'a condition that is a list': { '/id': [true] },
      'a condition that is null': { '/id': null },
      'a condition that is too long': { '/id': 'x'.repeat(257) },
      'no condition where there should be some': {},
      'too many conditions': Object.fromEntries(
        Array.from({ length: 11 }, (_, index) => [`/${index}`, true]),
      ),
    }).map(([what, where]): [string, unknown] => [
      what,
      { ...TEMPLATE, answer: { succeeded: { statuses: [201], where, token: '/id' } } },
    ]),
    [
      'a condition of a refusal that is no scalar',
      {
        ...TEMPLATE,
        answer: {
          ...TEMPLATE?.answer,
          declined: { statuses: [422], where: { '/ok': [] }, code: '/code', codes: {} },
        },
      },
    ],
    [
      'a server error for a success',
      { ...TEMPLATE, answer: { succeeded: { statuses: [500], token: '/id' } } },
    ],
    ['an address that is not https:', { ...TEMPLATE, url: { test: 'http://127.0.0.1' } }],
    ['a path of another host', { ...TEMPLATE, request: { ...TEMPLATE?.request, path: 'evil.example/' } }],
    [
      'a header with a line break',
      { ...TEMPLATE, request: { ...TEMPLATE?.request, headers: { a: 'b\r\nc' } } },
    ],
  ])('its schema refuses %s', (_what, template) => {
    expect(validate({ template: JSON.parse(JSON.stringify(template)) as unknown, credential: 'c' })).toBe(
      false,
    );
  });

  it.each([
    ['checkout', 'pk_sbox_abc', 'test'],
    ['checkout', 'pk_abc', 'live'],
    ['basis-theory', 'key_test_us_abc', 'test'],
    ['basis-theory', 'key_prod_us_abc', 'live'],
    ['basis-theory', 'key_abc', undefined],
    ['spreedly', 'anything', undefined],
  ])('tells the mode of a credential of %s: %s is %s', (template, credential, mode) => {
    expect(templateKind.modeOf({ template, credential })).toBe(mode);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['Basic authentication without a user', { template: 'spreedly' }, 'provider_configuration'],
    ['a template without an address', { template: { ...TEMPLATE, url: {} } }, 'provider_configuration'],
    ['a header of the gateway’s', { template: 'checkout', headers: { Host: 'x' } }, 'template_invalid'],
    [
      'a credential in a header of the gateway’s',
      { template: { ...TEMPLATE, authentication: { scheme: 'header', name: 'Transfer-Encoding' } } },
      'template_invalid',
    ],
    ['an authority that is none', { template: 'checkout', ca: 'x' }, 'provider_configuration'],
    [
      'a card value in a header',
      { template: { ...TEMPLATE, request: { ...TEMPLATE?.request, headers: { a: '{{card.number}}' } } } },
      'template_invalid',
    ],
  ])('does not connect with %s', (_what, configuration, code) => {
    expect(() => templateKind.connect({ credential: 'c', ...configuration }, 'test', DEPENDENCIES)).toThrow(
      expect.objectContaining({ code, kind: 'invalid' }),
    );
  });
});
