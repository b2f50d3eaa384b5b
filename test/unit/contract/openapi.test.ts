import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { SCOPES } from '../../../src/access/principal.ts';
import { loadContract } from '../../../src/http/contract.ts';
import { toProblem } from '../../../src/http/problem.ts';
import { HushtoneError, type ErrorKind } from '../../../src/kernel/errors.ts';

type Json = Record<string, unknown>;

const { document } = loadContract(new URL('../../../openapi.yaml', import.meta.url));
const components = document['components'] as Record<string, Record<string, Json>>;
const SCHEMAS = Object.entries(components['schemas'] ?? {});
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const object = (value: unknown): Json => (value ?? {}) as Json;
const list = (value: unknown): Json[] => (value ?? []) as Json[];

function resolve(node: unknown): Json {
  const reference = object(node)['$ref'];
  if (typeof reference !== 'string') return object(node);
  return reference
    .slice('#/'.length)
    .split('/')
    .reduce((place, step) => object(place[step]), document);
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, 'openapi.yaml');

function validatorOf(schema: unknown): ValidateFunction {
  return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi.yaml#/')) as Json);
}

function mistakesIn(schema: unknown, value: unknown): string[] {
  const validate = validatorOf(schema);
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}

interface Operation {
  readonly id: string;
  readonly operation: Json;
  readonly parameters: readonly Json[];
}

function operationsIn(paths: unknown): Operation[] {
  return Object.values(object(paths)).flatMap((item) =>
    Object.entries(object(item))
      .filter(([method]) => METHODS.includes(method))
      .map(([, value]) => {
        const operation = object(value);
        const parameters = [...list(object(item)['parameters']), ...list(operation['parameters'])];
        return { id: operation['operationId'] as string, operation, parameters: parameters.map(resolve) };
      }),
  );
}

const REQUESTS = operationsIn(document['paths']);
const OPERATIONS = [...REQUESTS, ...operationsIn(document['webhooks'])];

/** Everything that is sent: request and response bodies. */
const BODIES = OPERATIONS.flatMap(({ id, operation }) =>
  [['request', operation['requestBody']] as const, ...Object.entries(object(operation['responses']))].flatMap(
    ([where, holder]) =>
      Object.entries(object(resolve(holder)['content'])).map(
        ([mediaType, media]) => [`${id} ${where} ${mediaType}`, object(media)] as const,
      ),
  ),
);

/** The examples of a body, or those of its schema. */
function examplesOf(media: Json): unknown[] {
  const own = Object.values(object(media['examples'])).map((example) => resolve(example)['value']);
  return own.length > 0 ? own : ((resolve(media['schema'])['examples'] ?? []) as unknown[]);
}

describe('operations', () => {
  test('are there', () => {
    expect(OPERATIONS.length).toBeGreaterThan(35);
    expect(BODIES.length).toBeGreaterThan(200);
  });

  test.each(OPERATIONS.map(({ id, operation }) => [id, operation] as const))(
    '%s has a summary, a description and a tag',
    (_id, operation) => {
      expect(operation['summary']).toMatch(/\S/);
      expect(operation['description']).toMatch(/\S/);
      const tags = list(document['tags']).map(({ name }) => name);
      expect(tags).toEqual(expect.arrayContaining(operation['tags'] as unknown[]));
    },
  );

  test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))(
    '%s describes its parameters and shows each',
    (_id, { parameters }) => {
      for (const parameter of parameters) {
        expect(parameter['description']).toMatch(/\S/);
        const examples = 'example' in parameter ? [parameter['example']] : examplesOf(parameter);
        const { name } = parameter;
        expect({ name, examples }).not.toEqual({ name, examples: [] });
        const mistakes = examples.flatMap((example) => mistakesIn(parameter['schema'], example));
        expect({ name, mistakes }).toEqual({ name, mistakes: [] });
      }
    },
  );

  test.each(REQUESTS.map(({ id, operation, parameters }) => [id, operation, parameters] as const))(
    '%s declares every error that it can answer with',
    (_id, operation, parameters) => {
      const open = Array.isArray(operation['security']) && operation['security'].length === 0;
      const statuses = Object.keys(object(operation['responses']));
      const takesInput = parameters.length > 0 || operation['requestBody'] !== undefined;
      const expected = [
        '429',
        '500',
        ...(open ? [] : ['401', '403', '503']),
        ...(takesInput ? ['400'] : []),
        ...(operation['requestBody'] === undefined ? [] : ['413', '415']),
        ...(parameters.some((parameter) => parameter['in'] === 'path') ? ['404'] : []),
      ];
      expect(statuses).toEqual(expect.arrayContaining(expected));
      for (const status of statuses) {
        expect(resolve(object(operation['responses'])[status])['description']).toMatch(/\S/);
      }
    },
  );

  test.each(REQUESTS.map(({ id, operation }) => [id, operation] as const))(
    '%s asks for the same scopes whichever way the token came',
    (_id, operation) => {
      const security = list(operation['security'] ?? document['security']);
      // A client's own credentials in place of a token.
      if (security.length === 0 || 'clientBasic' in object(security[0])) return;
      expect(security.map((requirement) => Object.keys(requirement)[0])).toEqual(['bearer', 'oauth2']);
      expect(security[0]?.['bearer']).toEqual(security[1]?.['oauth2']);
      expect(SCOPES).toEqual(expect.arrayContaining(security[0]?.['bearer'] as unknown[]));
    },
  );

  test('every scope is described', () => {
    const flows = object(components['securitySchemes']?.['oauth2']?.['flows']);
    const scopes = object(object(flows['clientCredentials'])['scopes']);
    expect(Object.keys(scopes).sort()).toEqual([...SCOPES].sort());
    for (const description of Object.values(scopes)) expect(description).toMatch(/\S/);
  });
});

describe('bodies', () => {
  test.each(BODIES)('%s has an example that fits its schema', (_name, media) => {
    const examples = examplesOf(media);
    expect(examples).not.toEqual([]);
    for (const example of examples) expect(mistakesIn(media['schema'], example)).toEqual([]);
  });
});

/** Names of the members that have no description. */
function undescribed(schema: Json, name: string): string[] {
  if ('$ref' in schema) return [];
  const missing = typeof schema['description'] === 'string' ? [] : [name];
  const members = Object.entries(object(schema['properties'])).flatMap(([member, value]) =>
    undescribed(object(value), `${name}.${member}`),
  );
  const items = schema['items'] === undefined ? [] : undescribed(object(schema['items']), `${name}[]`);
  return [...missing, ...members, ...items];
}

describe('schemas', () => {
  test.each(SCHEMAS)('%s and all of its members are described', (name, schema) => {
    expect(undescribed(schema, name)).toEqual([]);
  });

  test.each(SCHEMAS)('%s has examples that fit', (name, schema) => {
    const examples = (schema['examples'] ?? []) as unknown[];
    expect(examples).not.toEqual([]);
    for (const example of examples) {
      expect(mistakesIn({ $ref: `#/components/schemas/${name}` }, example)).toEqual([]);
    }
  });

  test('an example that does not fit is found', () => {
    expect(mistakesIn({ $ref: '#/components/schemas/CaptureId' }, 'cap_short')).not.toEqual([]);
  });
});

/** What a folder throws on purpose, by kind. */
function thrownIn(...folders: string[]): [string, ErrorKind][] {
  return folders.flatMap((folder) => {
    const root = fileURLToPath(new URL(`../../../src/${folder}/`, import.meta.url));
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [
        ...readFileSync(root + file, 'utf8').matchAll(/new HushtoneError\(\s*'([a-z_]+)',\s*'([a-z_]+)'/g),
      ])
      .map(([, code, kind]) => [code, kind] as [string, ErrorKind]);
  });
}

/** The code that a client sees, and the codes that the contract names for that status. */
function codesOf(status: number): string[] {
  return Object.entries(components['responses'] ?? {}).flatMap(([, response]) => {
    const problem = object(object(response['content'])['application/problem+json'])['schema'];
    const parts = list(resolve(problem)['allOf']).map((part) => object(resolve(part)['properties']));
    const holds = parts.some((properties) => object(properties['status'])['const'] === status);
    return holds ? parts.flatMap((properties) => (object(properties['code'])['enum'] ?? []) as string[]) : [];
  });
}

describe('problems', () => {
  // Forms have errors of RFC 6749, and the connector those of its own contract.
  const ELSEWHERE = ['parameter_repeated', 'request_aborted', 'route_not_found'];
  // `hushtone payments settle` is a command; no operation leads to it.
  const OF_COMMANDS = [
    'payment_not_unsettled',
    'payment_settled_otherwise',
    'settlement_invalid',
    'settlement_like_card',
  ];
  // Keys are opened at the start and changed by `hushtone keys`; a request uses those that are open.
  const OF_KEY_KEEPING = [
    'key_exists',
    'key_file_busy',
    'key_file_damaged',
    'key_file_locked',
    'key_file_missing',
    'key_file_not_written',
    'key_file_unreadable',
    'key_provider_not_set_up',
    'key_record_missing',
    'key_unknown',
    'keys_read_only',
    'no_key_provider',
    'passphrase_invalid',
    'passphrase_missing',
    'pkcs11_module_unusable',
    'pkcs11_not_installed',
    'share_damaged',
    'share_file_not_written',
    'shares_invalid',
  ];
  // Given to an adapter by the gateway itself; where the words are a configuration's, it is `provider_configuration`.
  const OF_ADAPTERS = ['signature_component', 'signing_key_invalid', 'pin_block_invalid'];
  const elsewhere = [...ELSEWHERE, ...OF_COMMANDS, ...OF_KEY_KEEPING, ...OF_ADAPTERS];
  const thrown = thrownIn('http', 'workflows', 'kernel', 'vault', 'payments').filter(
    ([code, kind]) => kind !== 'internal' && !elsewhere.includes(code),
  );

  test('are found in the source', () => {
    expect(thrown.length).toBeGreaterThan(25);
    const found = thrown.map(([code]) => code);
    expect(found).toEqual(expect.arrayContaining(['key_missing', 'key_ambiguous', 'template_invalid']));
  });

  test.each(thrown)('%s is a code that the contract names', (code, kind) => {
    const { status, type } = toProblem(new HushtoneError(code, kind, 'for people'), 'req');
    expect(type).toBe(`urn:hushtone:problem:${code}`);
    expect(codesOf(status)).toContain(code);
  });

  test.each(
    Object.entries(components['responses'] ?? {}).filter(([, { content }]) =>
      Object.hasOwn(object(content), 'application/problem+json'),
    ),
  )('%s names the codes that it can have, and its examples have the type of theirs', (_name, response) => {
    const media = object(object(response['content'])['application/problem+json']);
    const examples = examplesOf(media) as Json[];
    for (const { type, code } of examples) expect(type).toBe(`urn:hushtone:problem:${String(code)}`);
    const foreign = { ...examples[0], code: 'of_no_kind', type: 'urn:hushtone:problem:of_no_kind' };
    expect(mistakesIn(media['schema'], foreign)).not.toEqual([]);
  });
});
