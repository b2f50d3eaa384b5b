import { HushtoneError } from '../kernel/errors.ts';

/** Deeper nesting is no record of ours. */
const DEEPEST = 32;

/**
 * JSON Canonicalization Scheme, RFC 8785: one text for one value, so that it can be hashed. Members are sorted by the
 * UTF-16 code units of their names (section 3.2.3); strings and numbers are written as ECMAScript writes them
 * (sections 3.2.2.2 and 3.2.2.3), which is what `JSON.stringify` does. Members that are `undefined` are left out.
 *
 * Throws `canonical_json` for what I-JSON (RFC 7493) does not have: NaN, infinities, lone surrogates, anything that is
 * no plain JSON value.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEEPEST) throw refused('is nested too deep');
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refused('holds a number that JSON does not have');
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) throw refused('holds a lone surrogate');
    return JSON.stringify(value);
  }
  if (typeof value === 'object') return canonicalContainer(value, depth);
  throw refused(`holds a ${typeof value}`);
}

function canonicalContainer(value: object, depth: number): string {
  if (Array.isArray(value)) {
    return `[${value.map((item: unknown) => canonicalJson(item, depth + 1)).join(',')}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw refused('holds an object that is not plain');
  const members = Object.entries(value as Record<string, unknown>)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1)) // `<` compares UTF-16 code units
    .map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function refused(what: string): HushtoneError {
  return new HushtoneError('canonical_json', 'internal', `a value to be written as canonical JSON ${what}`);
}
