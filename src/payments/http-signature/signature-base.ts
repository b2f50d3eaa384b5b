import { HushtoneError } from '../../kernel/errors.ts';

/** RFC 9421 section 2.2, those of a request. `@query-param` has a parameter and is not among them. */
export const DERIVED_COMPONENTS = [
  '@method',
  '@target-uri',
  '@authority',
  '@scheme',
  '@request-target',
  '@path',
  '@query',
] as const;
type DerivedComponent = (typeof DERIVED_COMPONENTS)[number];

/** A derived component or the name of a header field in lower case. */
export const COMPONENT = /^(?:@[a-z-]+|[a-z0-9!#$%&'*+.^_`|~-]+)$/;

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** RFC 9421 section 2.3, in the order in which they are written. */
export interface SignatureParameters {
  /** Seconds since 1970. */
  readonly created?: number;
  readonly expires?: number;
  readonly keyId?: string;
  readonly algorithm?: string;
  readonly nonce?: string;
  readonly tag?: string;
}

/** RFC 8941 section 3.3.3: what a string may hold. */
const STRING = /^[\x20-\x7e]*$/;

/** The value of `@signature-params`: an inner list with its parameters (RFC 9421 section 2.3, RFC 8941). */
export function signatureParams(components: readonly string[], parameters: SignatureParameters): string {
  const list = components.map((component) => `"${component}"`).join(' ');
  const { created, expires, keyId, algorithm, nonce, tag } = parameters;
  return [
    `(${list})`,
    ...(created === undefined ? [] : [`created=${created}`]),
    ...(expires === undefined ? [] : [`expires=${expires}`]),
    ...(keyId === undefined ? [] : [`keyid=${quoted(keyId)}`]),
    ...(algorithm === undefined ? [] : [`alg=${quoted(algorithm)}`]),
    ...(nonce === undefined ? [] : [`nonce=${quoted(nonce)}`]),
    ...(tag === undefined ? [] : [`tag=${quoted(tag)}`]),
  ].join(';');
}

/**
 * What is signed (RFC 9421 section 2.5). Throws `signature_component` for a component that is there twice, is not
 * known, or is a header that the request does not have.
 */
export function signatureBase(request: SignedRequest, components: readonly string[], params: string): string {
  if (new Set(components).size !== components.length) throw refused('a component is covered twice');
  const lines = components.map((component) => `"${component}": ${valueOf(request, component)}`);
  return [...lines, `"@signature-params": ${params}`].join('\n');
}

function valueOf({ method, url, headers }: SignedRequest, component: string): string {
  const derived = DERIVED_COMPONENTS.find((known) => known === component);
  if (derived !== undefined) return DERIVED[derived](method, url);
  const value = Object.hasOwn(headers, component) ? headers[component] : undefined;
  if (value === undefined) throw refused(`the request has no ${component}`);
  return value.trim();
}

const DERIVED: Readonly<Record<DerivedComponent, (method: string, url: URL) => string>> = {
  '@method': (method) => method,
  '@target-uri': (_method, url) => url.href,
  // WHATWG URL has it in lower case and without the scheme's own port, as section 2.2.3 wants it.
  '@authority': (_method, url) => url.host,
  '@scheme': (_method, url) => url.protocol.slice(0, -1),
  '@request-target': (_method, url) => `${url.pathname}${url.search}`,
  '@path': (_method, url) => url.pathname,
  '@query': (_method, url) => (url.search === '' ? '?' : url.search),
};

function quoted(text: string): string {
  if (!STRING.test(text)) throw refused('a signature parameter is printable ASCII');
  return `"${text.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;
}

function refused(message: string): HushtoneError {
  return new HushtoneError('signature_component', 'invalid', message);
}
