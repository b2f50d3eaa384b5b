import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler, FastifySchema } from 'fastify';

/**
 * Bodies are taken as they are: a number in quotes is a mistake. Paths, queries and headers arrive as text and are
 * converted.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<FastifySchema> {
  const strict = new Ajv({ strict: false, useDefaults: true, allErrors: true });
  const converting = new Ajv({ strict: false, useDefaults: true, coerceTypes: true, allErrors: true });
  addFormats.default(strict);
  addFormats.default(converting);
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : converting).compile(schema);
}
