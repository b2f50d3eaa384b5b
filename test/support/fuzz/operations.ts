import { CONTRACT } from '../http.ts';

export type Json = Record<string, unknown>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Json;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly contentType: string; readonly schema: Json };
  /** The status codes that the contract declares. */
  readonly statuses: ReadonlySet<number>;
  /** A GET that succeeds does not end by itself. */
  readonly streams: boolean;
}

/** Follows references into the document, to what is no reference any more. */
export function resolve(node: unknown): Json {
  const reference = (node as Json | undefined)?.['$ref'];
  if (typeof reference !== 'string') return (node ?? {}) as Json;
  const names = reference.slice(2).split('/');
  return resolve(names.reduce<Json>((place, name) => place[name] as Json, CONTRACT.document));
}

function parameterOf(node: unknown): Parameter {
  const { name, in: place, required, schema } = resolve(node);
  return {
    name: name as string,
    in: place as Parameter['in'],
    required: required === true,
    schema: schema as Json,
  };
}

function operationOf(path: string, method: string, item: Json): Operation {
  const operation = item[method] as Json;
  const nodes = [item['parameters'], operation['parameters']].flatMap((list) => (list ?? []) as unknown[]);
  const content = Object.entries(
    (resolve(operation['requestBody'])['content'] ?? {}) as Record<string, Json>,
  );
  const [contentType, media] = content[0] ?? [];
  const answers = operation['responses'] as Json;
  return {
    id: operation['operationId'] as string,
    method: method.toUpperCase(),
    path,
    parameters: nodes.map(parameterOf),
    ...(contentType !== undefined && { body: { contentType, schema: media?.['schema'] as Json } }),
    statuses: new Set(Object.keys(answers).map(Number)),
    streams: 'text/event-stream' in ((resolve(answers['200'])['content'] ?? {}) as Json),
  };
}

/** Every operation of openapi.yaml. */
export const OPERATIONS: readonly Operation[] = Object.entries(
  CONTRACT.document['paths'] as Record<string, Json>,
).flatMap(([path, item]) =>
  Object.keys(item)
    .filter((method) => typeof (item[method] as Json)['operationId'] === 'string')
    .map((method) => operationOf(path, method, item)),
);
