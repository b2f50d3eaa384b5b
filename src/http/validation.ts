import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler, FastifySchema } from 'fastify';

/** What the OpenAPI plug-in makes of header parameters. */
interface HeaderSchema {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

/** Node gives header names in small letters, and Fastify leaves that to a validator of one's own. */
function inSmallLetters(schema: HeaderSchema): HeaderSchema {
  const properties = Object.entries(schema.properties).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    ...schema,
    properties: Object.fromEntries(properties) as Record<string, unknown>,
    ...(schema.required && { required: schema.required.map((name) => name.toLowerCase()) }),
  };
}

/**
 * Bodies are taken as they are: a number in quotes is a mistake. Paths, queries and headers arrive as text and are
 * converted.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<FastifySchema> {
  const strict = new Ajv({ strict: false, useDefaults: true, allErrors: true });
  const converting = new Ajv({ strict: false, useDefaults: true, coerceTypes: true, allErrors: true });
  addFormats.default(strict);
  addFormats.default(converting);
  return ({ schema, httpPart }) => {
    if (httpPart === 'body') return strict.compile(schema);
    const names = httpPart === 'headers' ? inSmallLetters(schema as HeaderSchema) : schema;
    return converting.compile(names);
  };
}
