import { readdirSync } from 'node:fs';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { ProviderKind } from '../../../src/payments/kind.ts';
import { PROVIDER_KINDS } from '../../../src/payments/registry.ts';

const NAMED = PROVIDER_KINDS.map((kind): [string, ProviderKind] => [kind.kind, kind]);
const FOLDERS = new URL('../../../src/payments/', import.meta.url);

test('lists every folder that has a kind, by its name', () => {
  const folders = readdirSync(FOLDERS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => readdirSync(new URL(`${name}/`, FOLDERS)).includes('kind.ts'));
  expect(PROVIDER_KINDS.map(({ kind }) => kind).sort()).toEqual(folders.sort());
  for (const { kind } of PROVIDER_KINDS) expect(kind).toMatch(/^[a-z][a-z0-9_]{0,39}$/);
});

type Json = Record<string, unknown>;

/** Names that a secret goes by. What is open under one of them is a mistake. */
const SECRET_NAME = /secret|password|private|api_?key|client_key|pin_key|shared_key|(?:^|_)token$/;

/** Each member of a schema with its path, however deep. */
function membersOf(schema: Json, path = ''): [string, Json][] {
  const own = Object.entries((schema['properties'] ?? {}) as Record<string, Json>).flatMap(
    ([name, member]): [string, Json][] => [
      [`${path}/${name}`, member],
      ...membersOf(member, `${path}/${name}`),
    ],
  );
  const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (schema[keyword] ?? []) as Json[]);
  return [...own, ...parts.flatMap((part) => membersOf(part, path))];
}

describe.each(NAMED)('the schema of %s', (_name, { configurationSchema }) => {
  test('is JSON Schema (2020-12), without a keyword that nobody knows', () => {
    const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
    addFormats.default(ajv);
    expect(() => ajv.compile(configurationSchema)).not.toThrow();
  });

  test('takes an object without further members, as JSON', () => {
    expect(configurationSchema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(JSON.parse(JSON.stringify(configurationSchema))).toEqual(configurationSchema);
  });

  test('marks every member as a secret that is named like one', () => {
    const open = membersOf(configurationSchema)
      .filter(
        ([path, member]) => SECRET_NAME.test(path.split('/').at(-1) ?? '') && member['writeOnly'] !== true,
      )
      // What only holds secrets is open itself, and what a provider calls its members is no secret.
      .filter(([path, member]) => member['type'] !== 'object' && !/\/(?:members|answer)\//.test(path));
    expect(open.map(([path]) => path)).toEqual([]);
  });

  test('has a secret', () => {
    expect(JSON.stringify(configurationSchema)).toContain('"writeOnly":true');
  });
});
