import type { ProviderConfiguration } from '../../payments/kind.ts';

type Members = Readonly<Record<string, unknown>>;

/** What a client sees in the place of a secret. */
export interface SecretFace {
  readonly set: true;
  /** The last four characters of a long one. */
  readonly hint?: string;
}

/** Secrets by where they belong in a configuration: JSON pointers (RFC 6901). */
export type Secrets = ReadonlyMap<string, unknown>;

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 6901 section 3. */
const tokenOf = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
const namesOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

/** References that lead on to references: no real chain is so long, and one in a circle describes nothing. */
const LONGEST_CHAIN = 16;

/** What a reference within the schema's own document names. */
function referred(root: Members, reference: unknown): unknown {
  if (typeof reference !== 'string') return undefined;
  return namesOf(reference.replace(/^#/, '')).reduce<unknown>(
    (place, name) => (isMembers(place) ? place[name] : undefined),
    root,
  );
}

/** What the schema says about one member of an object: everything that applies to it. */
function schemasOfMember(schema: Members, name: string): unknown[] {
  const named = isMembers(schema['properties']) ? schema['properties'][name] : undefined;
  const patterns = isMembers(schema['patternProperties']) ? schema['patternProperties'] : {};
  const matching = Object.entries(patterns)
    .filter(([pattern]) => new RegExp(pattern, 'u').test(name))
    .map(([, described]) => described);
  const described = named === undefined ? matching : [named, ...matching];
  return described.length > 0 ? described : [schema['additionalProperties']];
}

function collect(
  root: Members,
  schema: unknown,
  value: unknown,
  pointer: string,
  found: Set<string>,
  chain = 0,
): void {
  if (!isMembers(schema) || chain > LONGEST_CHAIN) return;
  if (schema['writeOnly'] === true) {
    found.add(pointer);
    return;
  }
  const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (schema[keyword] ?? []) as unknown[]);
  for (const part of [referred(root, schema['$ref']), schema['then'], schema['else'], ...parts]) {
    collect(root, part, value, pointer, found, chain + 1);
  }
  if (Array.isArray(value)) {
    const first = Array.isArray(schema['prefixItems']) ? (schema['prefixItems'] as unknown[]) : [];
    for (const [index, item] of value.entries()) {
      collect(root, first[index] ?? schema['items'], item, `${pointer}/${index}`, found);
    }
  } else if (isMembers(value)) {
    for (const [name, member] of Object.entries(value)) {
      for (const part of schemasOfMember(schema, name)) {
        collect(root, part, member, `${pointer}/${tokenOf(name)}`, found);
      }
    }
  }
}

/**
 * Where in `value` the secrets are: what the schema marks as `writeOnly`, in whichever branch. A secret in a secret is
 * part of the outer one.
 */
export function secretPointers(schema: Members, value: unknown): string[] {
  const found = new Set<string>();
  collect(schema, schema, value, '', found);
  return [...found].filter((pointer) => ![...found].some((other) => pointer.startsWith(`${other}/`))).sort();
}

export function valueAt(value: unknown, pointer: string): unknown {
  return namesOf(pointer).reduce<unknown>((place, name) => {
    if (Array.isArray(place)) return place[Number(name)] as unknown;
    return isMembers(place) && Object.hasOwn(place, name) ? place[name] : undefined;
  }, value);
}

/** A copy with another value at the pointer; `undefined` takes a member away, and leaves null in a list. */
function withValue(value: unknown, names: readonly string[], replacement: unknown): unknown {
  const [name, ...rest] = names;
  if (name === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) =>
      String(index) === name ? (withValue(item, rest, replacement) ?? null) : item,
    );
  }
  const members = isMembers(value) ? value : {};
  const kept = Object.entries(members).filter(([other]) => other !== name);
  const changed = withValue(members[name], rest, replacement);
  return Object.fromEntries(changed === undefined ? kept : [...kept, [name, changed]]);
}

/** A configuration as two parts: what may be seen, and the secrets by their pointers. */
export function splitConfiguration(
  schema: Members,
  configuration: ProviderConfiguration,
): { readonly open: Members; readonly secrets: Secrets } {
  const secrets = new Map<string, unknown>();
  let open: unknown = configuration;
  for (const pointer of secretPointers(schema, configuration)) {
    secrets.set(pointer, valueAt(configuration, pointer));
    open = withValue(open, namesOf(pointer), undefined);
  }
  return { open: open as Members, secrets };
}

/** The opposite of `splitConfiguration`; also with something else in the place of the secrets. */
export function joinConfiguration(open: Members, secrets: Secrets): Members {
  let whole: unknown = open;
  for (const [pointer, value] of secrets) whole = withValue(whole, namesOf(pointer), value);
  return whole as Members;
}

/** JSON Merge Patch (RFC 7396): what is null is taken away, what is left out stays. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMembers(patch)) return patch;
  const merged = new Map(Object.entries(isMembers(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

const isFace = (value: unknown): value is SecretFace => isMembers(value) && value['set'] === true;

/**
 * The configuration with changes (RFC 7396). A secret that is left out, or sent back as it was shown, stays. `kept`
 * are those. What cannot stay because it never was is left as it was sent, and refused by the schema.
 */
export function changeConfiguration(
  schema: Members,
  current: { readonly open: Members; readonly secrets: Secrets },
  changes: Members,
): { readonly configuration: Members; readonly kept: ReadonlySet<string> } {
  const faces = new Map([...current.secrets.keys()].map((pointer) => [pointer, { set: true }]));
  const merged = mergePatch(joinConfiguration(current.open, faces), changes) as Members;
  const kept = new Map<string, unknown>();
  for (const pointer of secretPointers(schema, merged)) {
    if (isFace(valueAt(merged, pointer)) && current.secrets.has(pointer)) {
      kept.set(pointer, current.secrets.get(pointer));
    }
  }
  return { configuration: joinConfiguration(merged, kept), kept: new Set(kept.keys()) };
}
