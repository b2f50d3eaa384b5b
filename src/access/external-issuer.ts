import { get } from 'node:https';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { isRole, type Role } from '../kernel/roles.ts';
import {
  CLOCK_SKEW_SECONDS,
  LONGEST_TOKEN_SECONDS,
  scopesOf,
  tokenInvalid,
  type TokenVerifier,
} from './access-token.ts';
import { isBoundTo } from './certificate-binding.ts';
import { isClientId } from './client.ts';
import { isAccountId, isName, type Principal } from './principal.ts';

/** Signatures with a public key only. */
export const EXTERNAL_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const;

const FETCH_TIMEOUT_MS = 5_000;
/** A token with an unknown `kid` makes us ask for the keys again, but not more often than this. */
const COOLDOWN_MS = 30_000;
/** How long a key that the issuer has withdrawn may still be trusted. */
const KEYS_MAX_AGE_MS = 10 * 60_000;
/** After a failure: every token would otherwise start another attempt. */
const RETRY_AFTER_MS = 5_000;
const LARGEST_JWKS_BYTES = 256 * 1024;

export interface ExternalIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: (typeof EXTERNAL_ALGORITHMS)[number];
  /** The `typ` that its access tokens carry: of RFC 9068, or the plain one of RFC 7519. */
  readonly tokenType: 'at+jwt' | 'JWT';
  readonly accountClaim: string;
  readonly rolesClaim: string;
  readonly keys:
    | { readonly url: string; readonly ca?: string }
    /** A JWK set as JSON text. */
    | { readonly jwks: string };
}

function unavailable(cause?: unknown): HushtoneError {
  return new HushtoneError(
    'issuer_unavailable',
    'unavailable',
    'the keys of the external issuer cannot be read',
    { cause },
  );
}

function isKeySet(text: string): boolean {
  try {
    return Array.isArray((JSON.parse(text) as { keys?: unknown } | null)?.keys);
  } catch {
    return false;
  }
}

/** One GET over TLS, with the authorities of `ca` if there are any; follows no redirect and reads no endless body. */
function fetchOverTls(ca: string | undefined): FetchImplementation {
  return async (url, { headers, signal }) =>
    await new Promise((resolve, reject) => {
      const options = {
        headers: Object.fromEntries(headers),
        signal,
        agent: false, // a connection once in minutes is not worth keeping
        minVersion: 'TLSv1.2' as const,
        ...(ca !== undefined && { ca }),
      };
      const request = get(url, options, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > LARGEST_JWKS_BYTES) request.destroy(new Error('the key set is too large'));
          else chunks.push(chunk);
        });
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200 && isKeySet(text)) resolve(new Response(text));
          else reject(new Error('the answer is no key set'));
        });
      });
      request.on('error', reject);
    });
}

/** Turns every failure into `issuer_unavailable` and lets some time pass before the next attempt. */
function withPause(fetch: FetchImplementation, clock: Clock): FetchImplementation {
  let failedAt = Number.NEGATIVE_INFINITY;
  return async (url, options) => {
    if (clock.monotonicMs() - failedAt < RETRY_AFTER_MS) throw unavailable();
    try {
      return await fetch(url, options);
    } catch (cause) {
      failedAt = clock.monotonicMs();
      throw unavailable(cause);
    }
  };
}

function keysOf({ keys }: ExternalIssuer, clock: Clock): JWTVerifyGetKey {
  if ('jwks' in keys) return createLocalJWKSet(JSON.parse(keys.jwks) as JSONWebKeySet);
  return createRemoteJWKSet(new URL(keys.url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    [customFetch]: withPause(fetchOverTls(keys.ca), clock),
  });
}

function rolesOf(claim: unknown): Role[] {
  const names = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return names.filter(isRole);
}

function principalOf(payload: JWTPayload, external: ExternalIssuer): Principal {
  const { sub, scope } = payload;
  const accountId = payload[external.accountClaim];
  const clientId = payload['client_id'] ?? payload['azp'];
  if (!isAccountId(accountId) || !isName(sub) || !isName(clientId)) {
    throw new errors.JWTClaimValidationFailed('a claim is no name', payload);
  }
  // It would act under the name of a client of ours in the audit trail.
  if (isClientId(clientId)) throw new errors.JWTClaimValidationFailed('the client is ours', payload);
  return {
    accountId,
    subject: sub,
    clientId,
    roles: rolesOf(payload[external.rolesClaim]),
    scopes: scopesOf(scope),
  };
}

/**
 * Checks tokens of another authorization server by its published keys. The algorithm is the one that is agreed on,
 * whatever token or key say, and its tokens never stand for a capture grant. Rejects with `token_invalid` or
 * `issuer_unavailable`.
 */
export function createExternalVerifier(external: ExternalIssuer, clock: Clock): TokenVerifier {
  const keys = keysOf(external, clock);
  return async (token, presented = {}) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: [external.algorithm],
        typ: external.tokenType,
        issuer: external.issuer,
        audience: external.audience,
        clockTolerance: CLOCK_SKEW_SECONDS,
        currentDate: clock.now(),
        maxTokenAge: LONGEST_TOKEN_SECONDS,
        requiredClaims: ['sub', 'exp', 'iat', external.accountClaim],
      });
      if (!isBoundTo(payload['cnf'], presented)) {
        throw new errors.JWTClaimValidationFailed('not the certificate that the token is bound to', payload);
      }
      return principalOf(payload, external);
    } catch (cause) {
      if (cause instanceof HushtoneError) throw cause;
      if (cause instanceof errors.JWKSTimeout || cause instanceof errors.JWKSInvalid)
        throw unavailable(cause);
      throw tokenInvalid(cause);
    }
  };
}
