/** What the reference page tells of openapi.yaml, with its references followed. */

type Json = Readonly<Record<string, unknown>>;

export interface SchemaRow {
  /** Dotted, with `[]` for what an array holds. */
  readonly name: string;
  readonly type: string;
  /** The component schema that is told elsewhere on the page. */
  readonly link?: string;
  readonly required: boolean;
  readonly description?: string;
  /** Limits and allowed values, in words. */
  readonly limits: readonly string[];
}

export interface Shape {
  readonly type: string;
  readonly link?: string;
  readonly description?: string;
  readonly limits: readonly string[];
  readonly rows: readonly SchemaRow[];
}

export interface Example {
  readonly summary?: string;
  readonly value: unknown;
}

export interface Body {
  readonly mediaType: string;
  readonly shape: Shape;
  readonly examples: readonly Example[];
}

export interface Parameter {
  readonly name: string;
  readonly place: string;
  readonly required: boolean;
  readonly description?: string;
  readonly shape: Shape;
  readonly example?: unknown;
}

export interface Answer {
  readonly status: string;
  readonly description?: string;
  readonly headers: readonly { readonly name: string; readonly description?: string }[];
  readonly bodies: readonly Body[];
  /** The codes of its problem document. */
  readonly codes: readonly string[];
}

export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** Undefined: it needs no token. */
  readonly scopes?: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly request: readonly Body[];
  readonly answers: readonly Answer[];
}

export interface Model {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly operations: readonly Operation[];
  /** What the gateway sends. */
  readonly webhooks: readonly Operation[];
  readonly schemas: readonly {
    readonly name: string;
    readonly shape: Shape;
    readonly examples: readonly Example[];
  }[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const LIMITS = [
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'pattern',
  'format',
  'default',
];
/** Deeper than any schema goes that is not a component of its own. */
const DEEPEST = 6;

export function readModel(document: Json): Model {
  const reader = new Reader(document);
  const info = json(document['info']);
  return {
    title: String(info['title']),
    version: String(info['version']),
    description: '',
    ...text(info, 'description'),
    tags: list(document['tags']).map((tag) => ({ name: String(tag['name']), ...text(tag, 'description') })),
    operations: reader.operations(json(document['paths'])),
    webhooks: reader.operations(json(document['webhooks'])),
    schemas: Object.entries(json(json(document['components'])['schemas'])).map(([name, schema]) => ({
      name,
      shape: reader.shape(json(schema)),
      examples: reader.examplesOf(json(schema)),
    })),
  };
}

const json = (value: unknown): Json => (value ?? {}) as Json;
const list = (value: unknown): readonly Json[] => (value ?? []) as Json[];

function text<Name extends string>(node: Json, name: Name): { readonly [name in Name]?: string } {
  const value = node[name];
  return typeof value === 'string' ? ({ [name]: value } as { [name in Name]: string }) : {};
}

class Reader {
  readonly #document: Json;

  constructor(document: Json) {
    this.#document = document;
  }

  operations(paths: Json): Operation[] {
    return Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(json(item))
        .filter(([method]) => METHODS.includes(method))
        .map(([method, operation]) => this.#operation(path, method, json(item), json(operation))),
    );
  }

  shape(schema: Json): Shape {
    const { link, target } = this.#schema(schema);
    return {
      type: this.#typeOf(target),
      ...(link !== undefined && { link }),
      ...text(target, 'description'),
      limits: limitsOf(target),
      rows: this.#rows(target, '', 0),
    };
  }

  /** The examples of a schema, when nothing nearer has any. */
  examplesOf(schema: Json): Example[] {
    const { target } = this.#schema(schema);
    return ((target['examples'] ?? []) as unknown[]).map((value) => ({ value }));
  }

  #operation(path: string, method: string, item: Json, operation: Json): Operation {
    const security = list(operation['security'] ?? this.#document['security']);
    const parameters = [...list(item['parameters']), ...list(operation['parameters'])];
    return {
      id: String(operation['operationId']),
      tag: String((operation['tags'] as string[] | undefined)?.[0]),
      method: method.toUpperCase(),
      path,
      summary: String(operation['summary']),
      ...text(operation, 'description'),
      ...(security.length > 0 && { scopes: (Object.values(security[0] ?? {})[0] ?? []) as string[] }),
      parameters: parameters.map((parameter) => this.#parameter(this.#resolve(parameter))),
      request: this.#bodies(this.#resolve(json(operation['requestBody']))),
      answers: Object.entries(json(operation['responses'])).map(([status, answer]) =>
        this.#answer(status, this.#resolve(json(answer))),
      ),
    };
  }

  #parameter(parameter: Json): Parameter {
    return {
      name: String(parameter['name']),
      place: String(parameter['in']),
      required: parameter['required'] === true,
      ...text(parameter, 'description'),
      shape: this.shape(json(parameter['schema'])),
      ...('example' in parameter && { example: parameter['example'] }),
    };
  }

  #answer(status: string, answer: Json): Answer {
    const bodies = this.#bodies(answer);
    const problem = json(json(answer['content'])['application/problem+json'])['schema'];
    const headers = Object.entries(json(answer['headers']));
    return {
      status,
      ...text(answer, 'description'),
      headers: headers.map(([name, header]) => ({
        name,
        ...text(this.#resolve(json(header)), 'description'),
      })),
      bodies,
      codes: problem === undefined ? [] : this.#codesOf(json(problem)),
    };
  }

  #codesOf(schema: Json): string[] {
    const { target } = this.#schema(schema);
    const code = json(json(target['properties'])['code']);
    if (Array.isArray(code['enum'])) return code['enum'] as string[];
    return list(target['allOf']).flatMap((part) => this.#codesOf(part));
  }

  #bodies(holder: Json): Body[] {
    return Object.entries(json(holder['content'])).map(([mediaType, media]) => {
      const schema = json(json(media)['schema']);
      const named = Object.values(json(json(media)['examples'])).map((example) =>
        this.#resolve(json(example)),
      );
      return {
        mediaType,
        shape: this.shape(schema),
        examples:
          named.length > 0
            ? named.map((example) => ({ ...text(example, 'summary'), value: example['value'] }))
            : this.examplesOf(schema),
      };
    });
  }

  #rows(schema: Json, prefix: string, depth: number): SchemaRow[] {
    if (depth > DEEPEST) return [];
    const required = (schema['required'] ?? []) as string[];
    const own = Object.entries(json(schema['properties'])).flatMap(([name, property]) =>
      this.#row(`${prefix}${name}`, json(property), required.includes(name), depth),
    );
    const parts = list(schema['allOf']).flatMap((part) => this.#rows(this.#resolve(part), prefix, depth + 1));
    // What a part says again of a member of another is the narrower word.
    const narrowed = new Map([...parts, ...own].map((row) => [row.name, row]));
    return [...narrowed.values()];
  }

  #row(name: string, schema: Json, required: boolean, depth: number): SchemaRow[] {
    const { link, target } = this.#schema(schema);
    const row: SchemaRow = {
      name,
      type: this.#typeOf(target),
      ...(link !== undefined && { link }),
      required,
      ...text(target, 'description'),
      ...text(schema, 'description'),
      limits: limitsOf(target),
    };
    if (link !== undefined) return [row];
    const items = json(target['items']);
    const { link: itemLink, target: item } = this.#schema(items);
    const inside = itemLink === undefined ? this.#rows(item, `${name}[].`, depth + 1) : [];
    return [
      { ...row, ...(itemLink !== undefined && { link: itemLink }) },
      ...this.#rows(target, `${name}.`, depth + 1),
      ...inside,
    ];
  }

  #typeOf(schema: Json): string {
    if (Array.isArray(schema['oneOf'])) {
      return list(schema['oneOf'])
        .map((part) => this.#schema(part).link ?? this.#typeOf(part))
        .join(' or ');
    }
    const type = schema['type'] ?? ('properties' in schema || 'allOf' in schema ? 'object' : undefined);
    if (type !== 'array') return typeof type === 'string' ? type : 'any';
    const { link, target } = this.#schema(json(schema['items']));
    return `array of ${link ?? this.#typeOf(target)}`;
  }

  #schema(schema: Json): { readonly link?: string; readonly target: Json } {
    const reference = schema['$ref'];
    if (typeof reference !== 'string') return { target: schema };
    return { link: reference.slice(reference.lastIndexOf('/') + 1), target: this.#resolve(schema) };
  }

  #resolve(node: Json): Json {
    const reference = node['$ref'];
    if (typeof reference !== 'string') return node;
    const steps = reference.slice('#/'.length).split('/');
    return steps.reduce<Json>((place, step) => json(place[step]), this.#document);
  }
}

function limitsOf(schema: Json): string[] {
  const limits = LIMITS.filter((name) => name in schema).map((name) => `${name} ${String(schema[name])}`);
  if ('const' in schema) limits.push(`always ${JSON.stringify(schema['const'])}`);
  if (Array.isArray(schema['enum'])) limits.push(`one of ${schema['enum'].join(', ')}`);
  return limits;
}
