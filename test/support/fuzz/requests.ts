import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { POLICY } from '../../../src/access/policy.ts';
import {
  hostileBody,
  hostileContentType,
  hostileHeaders,
  hostileMethod,
  hostileText,
  hostileValue,
  pathTrick,
} from './hostile.ts';
import { OPERATIONS, type Json, type Operation, type Parameter } from './operations.ts';
import { valuesOf } from './schema-arbitrary.ts';
import { BROKEN_TOKENS, TOKENS, type TokenName } from './tokens.ts';

/** `nearly`: valid but for one mistake. */
export type Kind = 'valid' | 'nearly' | 'hostile';

/** A request in words that do not change from run to run: `__CallId_3__` stands for the fourth call that there is. */
export interface FuzzRequest {
  readonly operation: Operation;
  readonly kind: Kind;
  readonly method: string;
  readonly url: string;
  readonly token: TokenName;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Where it comes from, as far as the server can tell. */
  readonly address: string;
}

/** Schemas of names that only a request after this one's making can know, and how many there are of each. */
export const LIVE_OBJECTS = {
  CaptureId: 6,
  CallId: 12,
  GrantId: 6,
  WebhookId: 6,
  WebhookDeliveryId: 4,
  ProviderId: 4,
  CardTokenId: 6,
  PaymentId: 6,
} as const;
export type LiveObject = keyof typeof LIVE_OBJECTS;
export const AGENTS = 12;

const liveOrNot = (name: LiveObject): Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.nat(LIVE_OBJECTS[name] - 1).map((index) => `__${name}_${index}__`) },
    { weight: 1, arbitrary: valuesOf({ $ref: `#/components/schemas/${name}` }) as Arbitrary<string> },
  );

const KNOWN = {
  ...(Object.fromEntries(
    Object.keys(LIVE_OBJECTS).map((name) => [name, liveOrNot(name as LiveObject)]),
  ) as Record<LiveObject, Arbitrary<string>>),
  AnyProviderId: fc.oneof(liveOrNot('ProviderId'), fc.constant('default')),
  // Of those that the schema allows few are in use.
  CurrencyCode: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('EUR', 'USD', 'JPY', 'KWD') },
    { weight: 1, arbitrary: valuesOf({ $ref: '#/components/schemas/CurrencyCode' }) as Arbitrary<string> },
  ),
  AgentId: fc.oneof(
    { weight: 5, arbitrary: fc.nat(AGENTS - 1).map((index) => `agent-${index}`) },
    { weight: 1, arbitrary: valuesOf({ $ref: '#/components/schemas/AgentId' }) as Arbitrary<string> },
  ),
};

/** RFC 6749: what the schema cannot say, that these parameters belong together. */
const tokenForms: Arbitrary<Json> = fc.oneof(
  fc.record(
    {
      grant_type: fc.constant('client_credentials'),
      client_id: fc.constant('__client__'),
      client_secret: fc.constant('__secret__'),
      scope: fc.constantFrom('captures:write', 'captures:read calls:read', 'audit:read', ''),
    },
    { requiredKeys: ['grant_type', 'client_id', 'client_secret'], noNullPrototype: true },
  ),
  valuesOf({ $ref: '#/components/schemas/TokenRequest' }) as Arbitrary<Json>,
);

/** `amount` and `purpose` belong together, and so do a call and who is on it. */
const charges = (operation: Operation): Arbitrary<Json> =>
  fc
    .record({ agent_id: KNOWN.AgentId, purpose: fc.constant('charge') }, { noNullPrototype: true })
    .chain((charge) =>
      fc.record(
        {
          ...Object.fromEntries(Object.entries(charge).map(([name, value]) => [name, fc.constant(value)])),
          amount: valuesOf({ $ref: '#/components/schemas/Amount' }),
          ...(operation.id === 'createCapture' && { auto_advance: fc.boolean() }),
        },
        { noNullPrototype: true },
      ),
    );

/** What a configuration holds is said by the schema of its kind: this one reaches nothing. */
const providers: Arbitrary<Json> = fc.record(
  {
    kind: fc.constant('scripted'),
    name: fc.string({ minLength: 1, maxLength: 20 }),
    mode: fc.constantFrom('test', 'live'),
    configuration: fc.record(
      {
        secret_key: fc.constantFrom('sk_test_fuzzing1234', 'sk_live_fuzzing1234', 'pk_test_fuzzing1234'),
        merchant_account: fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
        headers: fc.array(fc.record({ name: fc.string(), value: fc.string({ unit: 'grapheme' }) }), {
          maxLength: 3,
        }),
      },
      { requiredKeys: ['secret_key', 'merchant_account'], noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
);

function bodies(operation: Operation): Arbitrary<Json> | undefined {
  if (operation.body === undefined) return undefined;
  if (operation.id === 'createToken') return tokenForms;
  const fromSchema = valuesOf(operation.body.schema, KNOWN) as Arbitrary<Json>;
  if (operation.id === 'createProvider') return fc.oneof(fromSchema, providers);
  const isStart = operation.id === 'createCapture' || operation.id === 'createGrant';
  return isStart ? fc.oneof(fromSchema, charges(operation)) : fromSchema;
}

const isForm = (operation: Operation): boolean => operation.body?.contentType.includes('form') === true;

function write(operation: Operation, body: Json): string {
  if (!isForm(operation)) return JSON.stringify(body);
  return Object.entries(body)
    .map(([name, value]) => `${name}=${encode(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join('&');
}

/** As `encodeURIComponent`, for text with unpaired surrogates too. */
export const encode = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

type Values = Readonly<Record<string, unknown>>;

function parameters(operation: Operation, place: Parameter['in']): Arbitrary<Values> {
  const here = operation.parameters.filter((parameter) => parameter.in === place);
  return fc.record(Object.fromEntries(here.map(({ name, schema }) => [name, valuesOf(schema, KNOWN)])), {
    requiredKeys: here.filter(({ required }) => required).map(({ name }) => name),
    noNullPrototype: true,
  });
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null));

/** A value as a header field can hold it: no line break, nothing beyond Latin-1. */
const headerText = (value: unknown): string =>
  text(value)
    .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')
    .slice(0, 8000);

function urlOf(operation: Operation, path: Values, query: Values): string {
  const filled = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encode(text(path[name])));
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encode(text(value))}`);
  return pairs.length === 0 ? filled : `${filled}?${pairs.join('&')}`;
}

/** Tokens that may do it, and a few that may not. */
function tokensFor({ id }: Operation): Arbitrary<TokenName> {
  const permission = POLICY[id];
  const fitting = permission === undefined || permission === 'everyone' ? [] : Object.keys(permission);
  const able = fitting.filter((role): role is TokenName => (TOKENS as readonly string[]).includes(role));
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...(able.length > 0 ? able : (['none'] as const))) },
    { weight: 2, arbitrary: fc.constantFrom(...TOKENS) },
    { weight: 1, arbitrary: fc.constantFrom(...BROKEN_TOKENS) },
  );
}

/** A request that starts something should have a key of its own. */
const idempotencyKeys: Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 8, arbitrary: fc.uuid({ version: 4 }).map((key) => ({ 'idempotency-key': key })) },
  { weight: 1, arbitrary: fc.constant({ 'idempotency-key': 'the-same-again-00' }) },
  { weight: 1, arbitrary: fc.constant({}) },
);

const addresses = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.integer({ min: 1, max: 254 }));

interface Draft {
  readonly path: Values;
  readonly query: Values;
  readonly header: Values;
  readonly body: Json | undefined;
}

function drafts(operation: Operation): Arbitrary<Draft> {
  return fc.record({
    path: parameters(operation, 'path'),
    query: parameters(operation, 'query'),
    header: parameters(operation, 'header'),
    body: bodies(operation) ?? fc.constant(undefined),
  });
}

function frame(operation: Operation, kind: Kind): Arbitrary<Omit<FuzzRequest, 'url' | 'body'>> {
  return fc
    .record({
      token: tokensFor(operation),
      key: operation.method === 'POST' ? idempotencyKeys : fc.constant({}),
      address: addresses.map(([a, b]) => `198.18.${a}.${b}`),
    })
    .map(({ token, key, address }) => ({
      operation,
      kind,
      method: operation.method,
      token: operation.id === 'createToken' && token !== 'none' ? 'none' : token,
      headers: {
        ...key,
        ...(operation.body !== undefined && { 'content-type': operation.body.contentType }),
      },
      address,
    }));
}

function assemble(base: Omit<FuzzRequest, 'url' | 'body'>, draft: Draft): FuzzRequest {
  const { operation } = base;
  const header = Object.entries(draft.header).map(([name, value]) => [name.toLowerCase(), headerText(value)]);
  return {
    ...base,
    url: urlOf(operation, draft.path, draft.query),
    headers: { ...(Object.fromEntries(header) as Record<string, string>), ...base.headers },
    ...(draft.body !== undefined && { body: write(operation, draft.body) }),
  };
}

const valid = (operation: Operation): Arbitrary<FuzzRequest> =>
  fc.tuple(frame(operation, 'valid'), drafts(operation)).map(([base, draft]) => assemble(base, draft));

/** Where in a value something can be changed: the members of objects and the items of arrays, all the way down. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    [...path, name],
    ...placesIn(inner, [...path, name]),
  ]);
}

type Change = (place: Record<string, unknown>, name: string) => void;

const changes: Arbitrary<Change> = fc.oneof(
  fc.constantFrom<Change>(
    (place, name) => void delete place[name],
    (place, name) => void (place[name] = [place[name]]),
    (place, name) => void (place[name] = { [name]: place[name] }),
    (place, name) => void (place[name] = text(place[name])),
    (place, name) => void (place[name] = `${text(place[name])} `),
    (place, name) => void (place[name] = Number(place[name])),
    (place, name) => void (place[name] = -Number(place[name])),
    (place, name) => void (place[name] = Number(place[name]) + 0.5),
    (place, name) => void (place[`${name}_`] = place[name]),
    (place) => void (place['toString'] = 1),
  ),
  hostileValue.map(
    (value): Change =>
      (place, name) =>
        void (place[name] = value),
  ),
  hostileText.map(
    (name): Change =>
      (place) =>
        void (place[name] = name),
  ),
);

function changed(draft: Draft, nth: number, change: Change): Draft {
  const copy = structuredClone(draft);
  const places = placesIn(copy).filter((place) => place.length > 1);
  const place = places[nth % Math.max(1, places.length)];
  if (place === undefined) return { ...copy, query: { unknown: '1' } };
  const holder = place.slice(0, -1).reduce<Json>((inner, name) => inner[name] as Json, copy as never);
  change(holder, place.at(-1) ?? '');
  return copy;
}

/** The same member twice, which JSON allows and `JSON.stringify` never writes. */
const twice = (body: string, member: unknown, value: unknown): string =>
  body.startsWith('{')
    ? body.replace('{', () => `{${JSON.stringify(member)}:${JSON.stringify(value)},`).replace(/,\}$/, '}')
    : `${body}&${encode(text(member))}=${encode(text(value))}`;

const nearly = (operation: Operation): Arbitrary<FuzzRequest> =>
  fc
    .tuple(frame(operation, 'nearly'), drafts(operation), fc.nat(50), changes, hostileValue, fc.nat(9))
    .map(([base, draft, nth, change, value, choice]) => {
      const names = Object.keys(draft.body ?? {});
      if (choice < 3 && draft.body !== undefined) {
        const request = assemble(base, draft);
        const member = [...names, '__proto__', 'constructor'][nth % (names.length + 2)];
        return { ...request, body: twice(request.body ?? '', member, value) };
      }
      return assemble(base, changed(draft, nth, change));
    });

const hostile = (operation: Operation): Arbitrary<FuzzRequest> =>
  fc
    .record({
      base: frame(operation, 'hostile'),
      draft: drafts(operation),
      body: fc.option(hostileBody, { nil: undefined }),
      contentType: fc.option(hostileContentType, { nil: undefined }),
      headers: hostileHeaders,
      method: fc.option(hostileMethod, { nil: undefined, freq: 3 }),
      trick: fc.option(pathTrick, { nil: undefined, freq: 2 }),
      segment: fc.option(hostileText, { nil: undefined, freq: 2 }),
      token: fc.option(fc.constantFrom(...TOKENS, ...BROKEN_TOKENS), { nil: undefined, freq: 2 }),
    })
    .map(({ base, draft, body, contentType, headers, method, trick, segment, token }) => {
      const path =
        segment === undefined
          ? draft.path
          : Object.fromEntries(Object.keys(draft.path).map((name) => [name, segment.slice(0, 3000)]));
      const query =
        segment === undefined
          ? draft.query
          : {
              ...draft.query,
              ...Object.fromEntries(Object.keys(draft.query).map((name) => [name, segment.slice(0, 3000)])),
            };
      const request = assemble(base, { ...draft, path, query });
      return {
        ...request,
        url: trick === undefined ? request.url : trick(request.url),
        method: method ?? request.method,
        token: token ?? request.token,
        headers: {
          ...request.headers,
          ...headers,
          ...(contentType !== undefined && { 'content-type': contentType }),
        },
        ...(body !== undefined && { body }),
      };
    });

/** Requests to one operation. */
const requestsTo = (operation: Operation): Arbitrary<FuzzRequest> =>
  fc.oneof(
    { weight: 3, arbitrary: valid(operation) },
    { weight: 4, arbitrary: nearly(operation) },
    { weight: 4, arbitrary: hostile(operation) },
  );

/** Requests to every operation of the contract, one as often as another. */
export const requests: Arbitrary<FuzzRequest> = fc.oneof(...OPERATIONS.map(requestsTo));
