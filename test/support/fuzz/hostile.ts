import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

/** Put into hostile text, so that it is found wherever it comes out again. */
export const MARKER = 'zq7mark';
/** A published test number: nothing that a client sends in the wrong place may come back or be logged. */
export const CARD_NUMBER = '4012001037141112';

/** Larger than any text that the contract allows, smaller than the body limit. */
const HUGE = 12_000;
const DEEP = 2_000;

const UNPAIRED_SURROGATE = '\uD83D';

/** Text that has broken parsers, databases, templates and logs before. */
export const hostileText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    `${MARKER}\0${MARKER}`,
    `${MARKER}${UNPAIRED_SURROGATE}`,
    `\uDC00${MARKER}`,
    '\uFFFE\uFFFF',
    '\u202E\u2066abc',
    'Z\u0351\u036B\u0343\u036A\u0302',
    '\uFDFA'.repeat(300),
    `${MARKER}\r\nx-injected: 1\r\n\r\n`,
    `${MARKER}' or 1=1; drop table captures; --`,
    `${MARKER}"; select pg_sleep(1); --`,
    `${MARKER}%s%n%x{{7*7}}\${7*7}<script>alert(1)</script>`,
    `../../../../etc/passwd`,
    CARD_NUMBER,
    `ref-${CARD_NUMBER}`,
    '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢',
    '__proto__',
    'constructor',
    'toString',
    'null',
    'NaN',
    '-0',
    '1e400',
    '9'.repeat(400),
    '2016-12-31T23:59:60Z',
    '0000-00-00T00:00:00Z',
    '275761-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999999+23:59',
    'http://169.254.169.254/',
    'https://[::ffff:127.0.0.1]:1/',
    'https://user:pass@example.com/',
    'javascript:alert(1)',
  ),
  fc
    .constantFrom('a', '\0', ' ', '9', 'é', '\u{1F600}')
    .map((unit) => MARKER + unit.repeat(HUGE / unit.length)),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
);

function nested(depth: number, open: unknown[]): unknown {
  let value: unknown = open;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

/** Any JSON value, of a sort that the contract has no place for. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      -0,
      0.1,
      1e21,
      Number.MAX_SAFE_INTEGER + 2,
      2 ** 31,
      2 ** 63,
      Number.MAX_VALUE,
      5e-324,
      [],
      {},
      [null],
      [[]],
      { '': '' },
      { toString: 1, valueOf: 2, hasOwnProperty: 3 },
      // oxlint-disable-next-line unicorn/no-thenable -- what a server that awaits a body would stumble over
      { then: 1 },
      { length: 4_294_967_296 },
      { $ref: '#' },
      // Two that are equal to their depth.
      [nested(1000, []), nested(1000, [])],
      [nested(DEEP, []), nested(DEEP, [])],
      Array.from({ length: 8000 }, () => 1),
      Array.from({ length: 3000 }, (_, index) => `${MARKER}${index}`),
      Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`${MARKER}${index}`, index])),
    ),
  },
  { weight: 2, arbitrary: fc.json({ maxDepth: 4 }).map((text): unknown => JSON.parse(text)) },
);

/** JSON that `JSON.stringify` does not write, and what is none at all. */
export const hostileBody: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ' ',
    '\0',
    'null',
    'true',
    '0',
    '""',
    '[]',
    '{}',
    '{',
    '{"',
    '{"a":}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":01}',
    '{"a":1}{"a":1}',
    '{"a":NaN}',
    '\uFEFF{}',
    `"${MARKER}`,
    `{"purpose":"${MARKER}\u0001"}`,
    '{"purpose":"\\ud800"}',
    '{"purpose":"charge","purpose":{}}',
    '{"__proto__":{"purpose":"charge","agent_id":"agent-1"}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"amount":{"value":1e309,"currency":"EUR"},"purpose":"charge"}',
    `{"purpose":${'9'.repeat(5000)}}`,
    `${'['.repeat(16_000)}${']'.repeat(16_000)}`,
    '['.repeat(30_000),
    `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
    `{"accepted_brands":[${'{},'.repeat(9000)}{}]}`,
    // Around the limit of 32 KiB, and far beyond it.
    JSON.stringify(MARKER.repeat(4681)),
    'a'.repeat(32 * 1024),
    'a'.repeat(32 * 1024 + 1),
    `{"purpose":"${'a'.repeat(70_000)}"}`,
    'grant_type=client_credentials&grant_type=x',
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  hostileValue.map((value) => JSON.stringify(value)),
);

export const hostileContentType: Arbitrary<string> = fc.constantFrom(
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'application/xml',
  'application/json; charset=utf-16',
  'application/json; charset=utf-8; charset=latin1',
  'application/json;',
  'application/JSON',
  'application/jsonx',
  'application/json, text/plain',
  'application/problem+json',
  'application/merge-patch+json',
  'application/octet-stream',
  '*/*',
  'json',
  '/',
  ';',
  ',',
  `${MARKER}/${MARKER}`,
  'application/'.repeat(500),
);

export const hostileMethod: Arbitrary<string> = fc.constantFrom(
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'SEARCH',
  'QUERY',
  'LINK',
  'M-SEARCH',
);

/** Header fields that a client may well send, with values that it should not. Values are what Node can write. */
export const hostileHeaders: Arbitrary<Record<string, string>> = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom(
        'accept',
        'accept-encoding',
        'cookie',
        'expect-nothing',
        'forwarded',
        'idempotency-key',
        'if-none-match',
        'last-event-id',
        'origin',
        'range',
        'referer',
        'traceparent',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-http-method-override',
        'x-real-ip',
        'x-request-id',
      ),
      fc.oneof(
        fc.constantFrom(
          '',
          '*/*',
          '0',
          '-1',
          '999999999',
          '9'.repeat(30),
          `${MARKER}'--`,
          `${MARKER}${'a'.repeat(6000)}`,
          CARD_NUMBER,
          'null',
          '127.0.0.1, 10.0.0.1',
          '\u00FF\u0080',
          'gzip;q=0, *;q=0',
          'bytes=0-0',
        ),
        fc.stringMatching(/^[\x20-\x7e]{0,80}$/),
      ),
    ),
    { maxLength: 4, selector: ([name]) => name },
  )
  .map((entries) => Object.fromEntries(entries));

/** What becomes of a path: each gives a path that Node's client would not refuse to send. */
export const pathTrick: Arbitrary<(path: string) => string> = fc.constantFrom<(path: string) => string>(
  (path) => `/${path}`,
  (path) => `${path}/`,
  (path) => `${path}//`,
  (path) => path.replace('/', '//'),
  (path) => `/%2e%2e${path}`,
  (path) => `/..${path}`,
  (path) => `${path}/..`,
  (path) => `${path}/%2e`,
  (path) => `${path}%00`,
  (path) => `${path}/%00`,
  (path) => `${path}%2f`,
  (path) => `${path}%`,
  (path) => `${path}%zz`,
  (path) => `${path}%ff%fe`,
  (path) => `${path}%c0%af`,
  (path) => `${path}%ed%a0%80`,
  (path) => `${path};a=b`,
  (path) => `${path}#x`,
  (path) => `${path}?`,
  (path) => `${path}?&&==&`,
  (path) => `${path}?__proto__[a]=1&constructor=2`,
  (path) => `${path}?${'a=1&'.repeat(1200)}`,
  (path) => `${path}?${MARKER}=${'%00'.repeat(500)}`,
  (path) => path.toUpperCase(),
  (path) => path.replaceAll('/', '%2f'),
  (path) => path.replaceAll('/', '\\'),
  (path) => `${path}/${MARKER.repeat(400)}`,
  (path) => `${path}/${CARD_NUMBER}`,
  (path) => path.replace('v1', 'v2'),
  (path) => path.split('/').slice(0, -1).join('/') || '/',
);
