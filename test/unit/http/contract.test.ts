import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../../src/access/principal.ts';
import { loadContract } from '../../../src/http/contract.ts';
import { CAPTURE, CONTRACT, contractOfSchema, eventOf, EVIDENCE } from './gateway.ts';

interface Operation {
  readonly operationId: string;
  readonly security?: readonly Record<string, readonly string[]>[];
  readonly requestBody?: unknown;
  readonly parameters?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function operations(): (Operation & { path: string; method: string })[] {
  const paths = CONTRACT.document['paths'] as Record<string, Record<string, Operation>>;
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => ({ ...operation, path, method })),
  );
}

/** Follows a reference into the document. */
function resolve(node: unknown): Record<string, unknown> {
  const reference = (node as Record<string, unknown>)['$ref'];
  if (typeof reference !== 'string') return node as Record<string, unknown>;
  return reference
    .slice(2)
    .split('/')
    .reduce((place, name) => place[name] as Record<string, unknown>, CONTRACT.document);
}

let files = 0;
const folder = mkdtempSync(join(tmpdir(), 'hushtone-contract-'));
afterAll(() => rmSync(folder, { recursive: true }));

function contractOf(text: string): URL {
  const file = join(folder, `${(files += 1)}.yaml`);
  writeFileSync(file, text);
  return pathToFileURL(file);
}

describe('openapi.yaml', () => {
  test('names every operation once', () => {
    const names = operations().map(({ operationId }) => operationId);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
  });

  test('asks for one known scope on everything but what strangers must read', () => {
    const all = operations();
    const open = all.filter(({ operationId }) => CONTRACT.scopesOf(operationId) === undefined);
    expect(open.map(({ path }) => path).sort()).toEqual(
      [
        '/oauth/token',
        '/.well-known/jwks.json',
        '/.well-known/oauth-authorization-server',
        '/health/live',
        '/health/ready',
        '/openapi.json',
        '/reference',
      ].sort(),
    );
    const several = ['searchCalls'];
    expect(several.map((operationId) => CONTRACT.scopesOf(operationId))).toEqual([
      ['calls:read', 'numbers:read'],
    ]);
    for (const { operationId } of all) {
      if (several.includes(operationId) || CONTRACT.scopesOf(operationId) === undefined) continue;
      expect(SCOPES.map((scope) => [scope])).toContainEqual(CONTRACT.scopesOf(operationId));
    }
  });

  test('declares for each operation what the server can answer', () => {
    for (const { operationId, path, method, requestBody, responses } of operations()) {
      const secured = CONTRACT.scopesOf(operationId) !== undefined;
      const keyed = CONTRACT.idempotencyOf(operationId) !== undefined;
      const expected = [
        '500',
        ...(secured ? ['401', '403', '429', '503'] : []),
        ...(path.includes('{') ? ['400', '404'] : []),
        ...(method === 'post' || requestBody !== undefined ? ['400', '413', '415'] : []),
        ...(keyed ? ['409', '422'] : []),
        ...(['createCapture', 'createGrant'].includes(operationId) ? ['404'] : []),
      ];
      expect([operationId, ...Object.keys(responses)]).toEqual(expect.arrayContaining(expected));
    }
  });

  test('takes an Idempotency-Key with every POST that changes something, and must have it for what costs', () => {
    const posts = operations().filter(({ method }) => method === 'post');
    const without = posts.filter(({ operationId }) => CONTRACT.idempotencyOf(operationId) === undefined);
    expect(without.map(({ operationId }) => operationId)).toEqual([
      'searchCalls',
      'createToken',
      'takeConnectorPayment', // its transaction_id is one
    ]);
    for (const operationId of ['createCapture', 'submitCapture', 'createGrant']) {
      expect([operationId, CONTRACT.idempotencyOf(operationId)]).toEqual([operationId, 'required']);
    }
  });

  test('knows which bodies may be left out', () => {
    const optional = operations().filter(({ operationId }) => CONTRACT.bodyOptional(operationId));
    expect(optional.map(({ operationId }) => operationId).sort()).toEqual([
      'capturePayment',
      'refundPayment',
      'rotateWebhookSecret',
    ]);
  });

  test('holds every error to be a problem document, but the report of readiness and what other contracts have', () => {
    const ofOthers = ['createToken', 'takeConnectorPayment'];
    for (const { operationId, responses } of operations()) {
      for (const [status, response] of Object.entries(responses)) {
        if (Number(status) < 400 || operationId === 'getReadiness') continue;
        const types = Object.keys(resolve(response)['content'] as object);
        const type = ofOthers.includes(operationId) ? 'application/json' : 'application/problem+json';
        expect([operationId, status, ...types]).toEqual([operationId, status, type]);
      }
    }
  });
});

describe('a contract', () => {
  test('that is not there is not loaded', () => {
    expect(() => loadContract(pathToFileURL(join(folder, 'none.yaml')))).toThrow('ENOENT');
  });

  test('that is no YAML is not loaded', () => {
    expect(() => loadContract(contractOf('openapi: "3.1.0\npaths: ['))).toThrow(/quote|Flow/);
  });

  test('without paths is not loaded', () => {
    expect(() => loadContract(contractOf('openapi: 3.1.0\n'))).toThrow(TypeError);
  });

  test('knows scopes of the operation, of the document, and none', () => {
    const contract = loadContract(
      contractOf(`
openapi: 3.1.0
security: [{ bearer: [everything] }]
paths:
  /a: { get: { operationId: own, security: [{ bearer: [one, two] }], responses: {} } }
  /b: { get: { operationId: inherited, responses: {} } }
  /c: { get: { operationId: open, security: [], responses: {} } }
`),
    );
    expect(contract.scopesOf('own')).toEqual(['one', 'two']);
    expect(contract.scopesOf('inherited')).toEqual(['everything']);
    expect(contract.scopesOf('open')).toBeUndefined();
    expect(contract.idempotencyOf('own')).toBeUndefined();
    expect(contract.scopesOf('not there')).toEqual(['everything']);
  });
});

describe('a response', () => {
  const check =
    (body: unknown, status = 200, operation = 'getCapture') =>
    (): void =>
      CONTRACT.checkResponse(operation, status, body);
  const OFF = expect.objectContaining({ code: 'response_off_contract', kind: 'internal' }) as Error;

  test('that fits is let through', () => {
    expect(check(CAPTURE)).not.toThrow();
    expect(check(EVIDENCE, 200, 'getCaptureEvidence')).not.toThrow();
    expect(check({ calls: [] }, 200, 'listCalls')).not.toThrow();
  });

  test.each([
    ['has a member too many', { ...CAPTURE, card_number: '4242424242424242' }],
    ['has one too many deep inside', { ...CAPTURE, fields: [{ ...CAPTURE.fields[0], value: '4242' }] }],
    ['lacks a member', { ...CAPTURE, status: undefined }],
    ['has a status that is not known', { ...CAPTURE, status: 'done' }],
    ['shows more than four digits', { ...CAPTURE, fields: [{ ...CAPTURE.fields[0], last4: '42424' }] }],
    ['has a time that is none', { ...CAPTURE, created_at: 'yesterday' }],
    ['is null', null],
  ])('that %s is refused', (_, body) => {
    const sent: unknown = JSON.parse(JSON.stringify(body));
    expect(check(sent)).toThrow(OFF);
  });

  test('is refused with a status or an operation that is not declared', () => {
    expect(check(CAPTURE, 202)).toThrow(OFF);
    expect(check(CAPTURE, 200, 'deleteCapture')).toThrow(OFF);
  });

  test('is named in the refusal without its values', () => {
    const bad = { ...CAPTURE, fields: [{ ...CAPTURE.fields[0], last4: '42424' }] };
    expect(check(bad)).toThrow('getCapture 200: /fields/0/last4 must match pattern');
    expect(check(bad)).not.toThrow(/42424/);
  });
});

test('an event of the stream is what the contract calls a CaptureEvent', () => {
  // The stream itself is text, so its events are held against the schema here.
  const contract = contractOfSchema('CaptureEvent');
  expect(() => contract.checkResponse('show', 200, eventOf(1))).not.toThrow();
  expect(() => contract.checkResponse('show', 200, { ...eventOf(1), sequence: 'one' })).toThrow('/sequence');
});
