import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { resolve, type Json } from './operations.ts';

/** Values for schemas of these names, in the place of what the schema itself would give. */
export type Known = Readonly<Record<string, Arbitrary<string>>>;

const LONGEST_STRING = 64;
const MOST_ITEMS = 5;

/** Values that a schema allows: the part of JSON Schema that openapi.yaml uses for requests. */
export function valuesOf(node: Json, known: Known = {}): Arbitrary<unknown> {
  const name = typeof node['$ref'] === 'string' ? node['$ref'].split('/').at(-1) : undefined;
  const fitting = name === undefined ? undefined : known[name];
  if (fitting !== undefined) return fitting;
  const schema = resolve(node);
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  if (Array.isArray(schema['type'])) {
    const types = (schema['type'] as string[]).map((type) => valuesOf({ ...schema, type }, known));
    return fc.oneof(...types);
  }
  switch (schema['type']) {
    case 'null':
      return fc.constant(null);
    case 'object':
      return objects(schema, known);
    case 'array':
      return arrays(schema, known);
    case 'string':
      return strings(schema);
    case 'integer':
      return fc.integer(limits(schema));
    case 'boolean':
      return fc.boolean();
    default:
      throw new Error(`no values for the schema ${JSON.stringify(schema).slice(0, 200)}`);
  }
}

function limits(schema: Json): { min: number; max: number } {
  const min = (schema['minimum'] as number | undefined) ?? -1_000_000;
  return { min, max: (schema['maximum'] as number | undefined) ?? Math.max(min, 1_000_000) };
}

/** An object of which the schema does not say what is in it. */
const anything = (schema: Json): Arbitrary<unknown> =>
  fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/u), fc.jsonValue({ maxDepth: 2 }), {
    minKeys: (schema['minProperties'] ?? 0) as number,
    maxKeys: MOST_ITEMS,
    noNullPrototype: true,
  });

/** One of several sets of members that belong together; those of the others are not there. */
function alternatives(schema: Json, known: Known): Arbitrary<unknown> {
  const { oneOf, ...rest } = schema;
  const sets = (oneOf as Json[]).map(({ required }) => required as string[]);
  return fc.oneof(
    ...sets.map((set) => {
      const others = sets.flat().filter((name) => !set.includes(name));
      const properties = Object.entries(schema['properties'] as Json).filter(
        ([name]) => !others.includes(name),
      );
      const required = [...((schema['required'] ?? []) as string[]), ...set];
      return objects({ ...rest, properties: Object.fromEntries(properties), required }, known);
    }),
  );
}

function objects(schema: Json, known: Known): Arbitrary<unknown> {
  if (schema['additionalProperties'] === true && schema['properties'] === undefined) return anything(schema);
  if (Array.isArray(schema['oneOf'])) return alternatives(schema, known);
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Json>);
  const model = Object.fromEntries(properties.map(([name, value]) => [name, valuesOf(value, known)]));
  const requiredKeys = (schema['required'] ?? []) as string[];
  const fewest = (schema['minProperties'] ?? 0) as number;
  return fc
    .record(model, { requiredKeys, noNullPrototype: true })
    .filter((value) => Object.keys(value).length >= fewest);
}

function arrays(schema: Json, known: Known): Arbitrary<unknown> {
  const items = valuesOf(schema['items'] as Json, known);
  const minLength = (schema['minItems'] ?? 0) as number;
  const maxLength = Math.min((schema['maxItems'] ?? MOST_ITEMS) as number, MOST_ITEMS);
  return schema['uniqueItems'] === true
    ? fc.uniqueArray(items, { minLength, maxLength })
    : fc.array(items, { minLength, maxLength });
}

function strings(schema: Json): Arbitrary<string> {
  const minLength = (schema['minLength'] ?? 0) as number;
  const maxLength = Math.min((schema['maxLength'] ?? LONGEST_STRING) as number, LONGEST_STRING);
  if (schema['format'] === 'date-time') {
    return fc
      .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  if (schema['format'] === 'uri') {
    return fc.tuple(fc.domain(), fc.webPath()).map(([domain, path]) => `https://${domain}${path}`);
  }
  if (typeof schema['pattern'] === 'string') {
    const pattern = new RegExp(schema['pattern'], 'u');
    return fc
      .stringMatching(pattern)
      .map((text) => text.slice(0, maxLength))
      .filter((text) => text.length >= minLength && pattern.test(text));
  }
  return fc.string({ unit: 'grapheme', minLength, maxLength }).filter((text) => text.length <= maxLength);
}
