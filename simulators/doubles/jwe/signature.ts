import { constants, createHash, createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How a client of the double signs. */
export interface KnownKey {
  readonly algorithm: 'ed25519' | 'ecdsa-p256-sha256' | 'rsa-pss-sha512' | 'hmac-sha256';
  /** Public, or the shared secret. */
  readonly key: KeyObject;
}

export interface SignedMessage {
  readonly method: string;
  /** `https://host:port/path?query` */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SignaturePolicy {
  /** By `keyid`. */
  readonly keys: ReadonlyMap<string, KnownKey>;
  /** Components that have to be covered. */
  readonly covered: readonly string[];
  /** `created` is not further from now than this. */
  readonly freshnessSeconds: number;
}

export interface VerifiedSignature {
  readonly keyId: string;
  readonly created: number;
  readonly nonce?: string;
}

/**
 * Verifies the one signature of a request (RFC 9421 section 3.2) and its `content-digest` (RFC 9530): on its own, so that
 * it checks what the gateway makes. Gives a sentence about what is wrong.
 */
export function verifySignature(
  message: SignedMessage,
  policy: SignaturePolicy,
  now: Date,
): VerifiedSignature | string {
  const input = /^([a-z*][\w.*-]*)=(\(([^)]*)\)((?:;[a-z]+=(?:\d+|"(?:[^"\\]|\\.)*"))*))$/.exec(
    single(message.headers, 'signature-input'),
  );
  if (input === null) return 'signature-input is missing or malformed';
  const [, label = '', params = '', list = '', parameterText = ''] = input;
  const components = list.split(' ').filter((item) => item !== '');
  if (!components.every((item) => /^"[@a-z0-9-]+"$/.test(item))) return 'a component is malformed';
  const names = components.map((item) => item.slice(1, -1));
  const uncovered = policy.covered.find((name) => !names.includes(name));
  if (uncovered !== undefined) return `${uncovered} is not covered`;
  const parameters = readParameters(parameterText);
  const keyId = parameters.get('keyid') ?? '';
  const known = policy.keys.get(keyId);
  if (known === undefined) return 'the keyid is not known';
  const algorithm = parameters.get('alg');
  if (algorithm !== undefined && algorithm !== known.algorithm) return 'alg is not the one of the key';
  const created = Number(parameters.get('created'));
  if (!(Math.abs(now.getTime() / 1000 - created) <= policy.freshnessSeconds)) return 'created is not now';
  const lines: string[] = [];
  for (const name of names) {
    const value = componentOf(message, name);
    if (value === undefined) return `there is no ${name}`;
    lines.push(`"${name}": ${value}`);
  }
  const base = [...lines, `"@signature-params": ${params}`].join('\n');
  const signature = new RegExp(`^${label.replaceAll(/[.*]/g, '\\$&')}=:([A-Za-z0-9+/]+=*):$`).exec(
    single(message.headers, 'signature'),
  );
  if (signature === null) return 'signature is missing or malformed';
  if (!fits(known, Buffer.from(base), Buffer.from(signature[1] ?? '', 'base64')))
    return 'the signature is wrong';
  if (message.body.length > 0 && !digestFits(message)) return 'the content-digest is wrong';
  const nonce = parameters.get('nonce');
  return { keyId, created, ...(nonce !== undefined && { nonce }) };
}

function fits({ algorithm, key }: KnownKey, base: Buffer, signature: Buffer): boolean {
  switch (algorithm) {
    case 'ed25519':
      return verify(undefined, base, key, signature);
    case 'ecdsa-p256-sha256':
      return verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'rsa-pss-sha512':
      return verify(
        'sha512',
        base,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 },
        signature,
      );
    case 'hmac-sha256':
    default: {
      const expected = createHmac('sha256', key).update(base).digest();
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    }
  }
}

function digestFits({ headers, body }: SignedMessage): boolean {
  const [, name = '', value = ''] =
    /^(sha-256|sha-512)=:([A-Za-z0-9+/]+=*):$/.exec(single(headers, 'content-digest')) ?? [];
  if (name === '') return false;
  return createHash(name.replace('-', '')).update(body).digest('base64') === value;
}

function componentOf({ method, target, headers }: SignedMessage, name: string): string | undefined {
  const url = new URL(target);
  switch (name) {
    case '@method':
      return method;
    case '@target-uri':
      return target;
    case '@authority':
      return url.host;
    case '@path':
      return url.pathname;
    case '@query':
      return url.search || '?';
    case '@request-target':
      return url.pathname + url.search;
    case '@scheme':
      return 'https';
    default: {
      const value = headers[name];
      return typeof value === 'string' ? value.trim() : undefined;
    }
  }
}

function readParameters(text: string): Map<string, string> {
  const found = text.matchAll(/;([a-z]+)=(?:(\d+)|"((?:[^"\\]|\\.)*)")/g);
  return new Map(
    [...found].map(([, name = '', number, quoted = '']) => [
      name,
      number ?? quoted.replaceAll(/\\(.)/g, '$1'),
    ]),
  );
}

function single(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
