import { HushtoneError } from '../../kernel/errors.ts';
import { GATEWAY_HEADERS } from '../gateway-headers.ts';
import type { BodyChunk } from '../transport/body.ts';
import {
  PLACEHOLDER_NAMES,
  publicPlaceholder,
  secretPlaceholder,
  type TemplateValues,
} from './placeholders.ts';
import type { Json, Template } from './template.ts';

/** What is nested deeper is no request of a tokenizer's. */
const DEEPEST = 12;
const LONGEST_TEMPLATE = 16 * 1024;

/** The last is the credential's: nothing else of a template or a configuration sets it. */
const RESERVED_HEADERS: readonly string[] = [...GATEWAY_HEADERS, 'authorization'];

const ANY_PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const WHOLE_PLACEHOLDER = /^\{\{\s*([\w.]+)\s*\}\}$/;
const BRACES = /\{\{|\}\}/;

/** A template that was checked, to be filled for one request at a time. */
export interface CompiledTemplate {
  /** Every value that was keyed is a chunk of its own. */
  body(values: TemplateValues): readonly BodyChunk[];
  /** Without those whose placeholder has no value. */
  headers(values: TemplateValues): Record<string, string>;
}

/** Chunks of a value; undefined when it is to be left out. */
type Write = (values: TemplateValues) => readonly BodyChunk[] | undefined;

/**
 * Checks where placeholders stand, whose headers are set, and that a kept card is told from a refused one. Throws
 * `template_invalid`, whose sentence names the place: an unknown placeholder, one that is not the whole text, and above
 * all one for a value that was keyed anywhere but in the body.
 */
export function compileTemplate(template: Template): CompiledTemplate {
  if (JSON.stringify(template).length > LONGEST_TEMPLATE) throw refused('the template', 'is too long');
  const { request, answer, check, url, authentication, credential_prefixes: prefixes } = template;
  for (const [place, part] of Object.entries({ answer, check, url, authentication, prefixes })) {
    refusePlaceholders(part ?? null, place);
  }
  refusePlaceholders(request.path, 'request/path');
  refuseReservedHeaders(request.headers ?? {}, 'request/headers');
  refuseReservedCredential(authentication);
  refuseAmbiguousStatuses(answer);
  const headers = Object.entries(request.headers ?? {}).map(
    ([name, text]) => [name, compileHeader(name, text)] as const,
  );
  const body = compileObject(request.body, 'request/body', 0);
  return {
    body: (values) => merged(body(values)),
    headers: (values) =>
      Object.fromEntries(
        headers.flatMap(([name, write]) => {
          const text = write(values);
          return text === undefined ? [] : [[name, text]];
        }),
      ),
  };
}

/** Throws `template_invalid` for a header that is not the template's to set. */
export function refuseReservedHeaders(headers: Readonly<Record<string, string>>, place: string): void {
  const reserved = Object.keys(headers).find((name) => RESERVED_HEADERS.includes(name.toLowerCase()));
  if (reserved !== undefined) throw refused(place, `have ${reserved.toLowerCase()}, which the gateway sets`);
}

/** A credential in the place of a length or of a host would break every request, or send it elsewhere. */
function refuseReservedCredential(authentication: Template['authentication']): void {
  if (authentication.scheme !== 'header') return;
  const name = authentication.name.toLowerCase();
  if (GATEWAY_HEADERS.includes(name)) {
    throw refused('authentication', `puts the credential into ${name}, which the gateway sets`);
  }
}

/** A kept card is looked for first: a refusal with the same status would never be seen. */
function refuseAmbiguousStatuses({ succeeded, declined }: Template['answer']): void {
  if (succeeded.where !== undefined) return;
  const both = declined?.statuses.find((status) => succeeded.statuses.includes(status));
  if (both === undefined) return;
  throw refused(
    'answer',
    `has ${both} for a kept and for a refused card: say in succeeded/where which is which`,
  );
}

function compileHeader(name: string, text: string): (values: TemplateValues) => string | undefined {
  const place = `request/headers/${name}`;
  refusePlaceholders(name, place);
  if (!BRACES.test(text)) return () => text;
  const placeholder = wholePlaceholder(text, place);
  if (secretPlaceholder(placeholder) !== undefined) throw notInTheBody(place);
  return publicOf(placeholder, place);
}

function compileValue(value: Json, place: string, depth: number): Write {
  if (depth > DEEPEST) throw refused(place, 'is nested too deep');
  if (typeof value === 'string') return compileText(value, place);
  if (Array.isArray(value)) return compileList(value as readonly Json[], place, depth);
  if (typeof value === 'object' && value !== null) {
    return compileObject(value as { readonly [name: string]: Json }, place, depth);
  }
  const text = JSON.stringify(value);
  return () => [text];
}

function compileText(text: string, place: string): Write {
  if (!BRACES.test(text)) {
    const literal = JSON.stringify(text);
    return () => [literal];
  }
  const name = wholePlaceholder(text, place);
  const secret = secretPlaceholder(name);
  if (secret !== undefined) {
    return ({ card }) => {
      const chunks = secret.chunks(card);
      return chunks && (secret.number ? chunks : ['"', ...chunks, '"']);
    };
  }
  const read = publicOf(name, place);
  return (values) => {
    const value = read(values);
    return value === undefined ? undefined : [JSON.stringify(value)];
  };
}

function compileList(list: readonly Json[], place: string, depth: number): Write {
  const items = list.map((item, index) => compileValue(item, `${place}/${index}`, depth + 1));
  // An item without a value is null: leaving it out would move those after it.
  return (values) => [
    '[',
    ...items.flatMap((write, index) => [...(index === 0 ? [] : [',']), ...(write(values) ?? ['null'])]),
    ']',
  ];
}

function compileObject(object: { readonly [name: string]: Json }, place: string, depth: number): Write {
  const members = Object.entries(object).map(([name, value]) => {
    refusePlaceholders(name, `${place}/${name}`);
    return { name: JSON.stringify(name), write: compileValue(value, `${place}/${name}`, depth + 1) };
  });
  return (values) => {
    const chunks: BodyChunk[] = ['{'];
    for (const { name, write } of members) {
      const value = write(values);
      if (value !== undefined) chunks.push(`${chunks.length === 1 ? '' : ','}${name}:`, ...value);
    }
    return [...chunks, '}'];
  };
}

/** Public text that stands side by side becomes one chunk: each is a record of its own on the wire. */
function merged(chunks: readonly BodyChunk[] = []): readonly BodyChunk[] {
  const result: BodyChunk[] = [];
  for (const chunk of chunks) {
    const last = result.at(-1);
    if (typeof chunk === 'string' && typeof last === 'string') result[result.length - 1] = last + chunk;
    else result.push(chunk);
  }
  return result;
}

function wholePlaceholder(text: string, place: string): string {
  const [, name] = WHOLE_PLACEHOLDER.exec(text) ?? [];
  if (name !== undefined) return name;
  for (const [, inside = ''] of text.matchAll(ANY_PLACEHOLDER)) {
    if (inside.trim().startsWith('card.')) {
      throw refused(place, 'has a card value in a longer text: it must be the whole text');
    }
  }
  throw refused(place, 'has a placeholder that is not the whole text');
}

function publicOf(name: string, place: string): (values: TemplateValues) => string | undefined {
  const read = publicPlaceholder(name);
  if (read !== undefined) return read;
  throw refused(place, `has an unknown placeholder; there are ${PLACEHOLDER_NAMES.join(', ')}`);
}

/** Nothing in there is filled in. */
function refusePlaceholders(value: unknown, place: string): void {
  for (const text of textsIn(value)) {
    if (/\{\{\s*card\./.test(text)) throw notInTheBody(place);
    if (BRACES.test(text)) throw refused(place, 'has a placeholder where none is filled in');
  }
}

/** Every text of a JSON value, the names of members included. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    yield name;
    yield* textsIn(member);
  }
}

function notInTheBody(place: string): HushtoneError {
  return refused(place, 'has a card value; those may stand in the body of the request only');
}

function refused(place: string, what: string): HushtoneError {
  return new HushtoneError('template_invalid', 'invalid', `The template's ${place} ${what}.`);
}
