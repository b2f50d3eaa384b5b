import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { HushtoneError } from '../kernel/errors.ts';

type Json = Record<string, unknown>;

interface Operation {
  readonly operationId: string;
  readonly security?: readonly Record<string, readonly string[]>[];
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Record<string, Json>;
}

/** openapi.yaml as the server uses it: the source of routes, validation, scopes and response checks. */
export interface Contract {
  readonly document: Json;
  /** The scopes that an operation needs; undefined for an operation that is open to everyone. */
  scopesOf(operationId: string): readonly string[] | undefined;
  /** Whether an operation needs an Idempotency-Key; undefined for one that takes none. */
  idempotencyOf(operationId: string): 'required' | 'optional' | undefined;
  /** Whether an operation that takes a body can do without. */
  bodyOptional(operationId: string): boolean;
  /** Throws `response_off_contract` when a response body is not what the contract says for this status. */
  checkResponse(operationId: string, status: number, body: unknown): void;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

function operationsOf(document: Json): Map<string, Operation> {
  const operations = new Map<string, Operation>();
  for (const item of Object.values(document['paths'] as Record<string, Json>)) {
    for (const method of METHODS) {
      const operation = item[method] as Operation | undefined;
      if (operation !== undefined) operations.set(operation.operationId, operation);
    }
  }
  return operations;
}

function resolve(document: Json, node: Json): Json {
  const reference = node['$ref'];
  if (typeof reference !== 'string') return node;
  let target: unknown = document;
  for (const part of reference.replace('#/', '').split('/')) target = (target as Json)[part];
  return target as Json;
}

/** Reads openapi.yaml. Throws when it cannot be read: the server does not start without its contract. */
export function loadContract(path: URL): Contract {
  const document = parse(readFileSync(path, 'utf8')) as Json;
  const operations = operationsOf(document);
  const ajv = new Ajv({ strict: false, allErrors: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi.yaml');
  const compiled = new Map<string, ValidateFunction | undefined>();

  const validatorOf = (operation: Operation, status: number): ValidateFunction | undefined => {
    const key = `${operation.operationId} ${status}`;
    if (!compiled.has(key)) {
      const declared = operation.responses[String(status)];
      const content =
        declared && (resolve(document, declared)['content'] as Record<string, Json> | undefined);
      const schema = content && Object.values(content)[0]?.['schema'];
      compiled.set(key, schema === undefined ? undefined : ajv.compile(absolute(schema)));
    }
    return compiled.get(key);
  };

  return {
    document,
    scopesOf(operationId) {
      const security = (operations.get(operationId)?.security ??
        document['security']) as Operation['security'];
      if (security === undefined || security.length === 0) return undefined;
      // `clientBasic` stands where there is no token: what is asked for is the same.
      return security.flatMap(({ bearer, clientBasic }) => bearer ?? clientBasic ?? []);
    },
    idempotencyOf(operationId) {
      const parameters = operations.get(operationId)?.parameters ?? [];
      const key = parameters
        .map((parameter) => resolve(document, parameter))
        .find(({ in: where, name }) => where === 'header' && name === 'Idempotency-Key');
      return key && (key['required'] === true ? 'required' : 'optional');
    },
    bodyOptional(operationId) {
      const body = operations.get(operationId)?.requestBody;
      return body !== undefined && resolve(document, body)['required'] !== true;
    },
    checkResponse(operationId, status, body) {
      const operation = operations.get(operationId);
      const validate = operation && validatorOf(operation, status);
      // An answer without content, such as 204.
      const declared = operation?.responses[String(status)];
      if (declared && resolve(document, declared)['content'] === undefined && body === undefined) return;
      if (validate !== undefined && validate(body)) return;
      const where = validate?.errors?.[0];
      const what = where ? `${where.instancePath} ${where.message ?? ''}` : 'no such response is declared';
      throw new HushtoneError('response_off_contract', 'internal', `${operationId} ${status}: ${what}`);
    },
  };
}

/** Local references, made absolute so that a schema can be compiled on its own. */
function absolute(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi.yaml#/')) as Json;
}
