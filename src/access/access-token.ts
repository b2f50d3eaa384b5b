import { randomUUID } from 'node:crypto';
import { SignJWT, jwtVerify, errors, type JWTPayload } from 'jose';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { isRole, type Role } from '../kernel/roles.ts';
import { isBoundTo, THUMBPRINT_MEMBER, type Presented } from './certificate-binding.ts';
import { isAccountId, isName, type Principal } from './principal.ts';
import type { KeyRing } from './signing-keys.ts';

/** RFC 9068 media type of a JWT access token. */
const TOKEN_TYPE = 'at+jwt';
const ALGORITHM = 'EdDSA';
export const CLOCK_SKEW_SECONDS = 30;
/** A token is short-lived: ten minutes unless asked otherwise, a day at most. */
export const DEFAULT_TOKEN_SECONDS = 600;
export const LONGEST_TOKEN_SECONDS = 86_400;

export interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: KeyRing;
}

export interface TokenRequest {
  readonly accountId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  readonly lifetimeSeconds?: number;
  /** The capture grant that the token stands for. */
  readonly grantId?: string;
  /** RFC 8705: only whoever shows this certificate may use the token. */
  readonly certificateThumbprint?: string;
}

/**
 * Signs an access token with the claims that RFC 9068 section 2.2 requires. Rejects with `token_lifetime`, or
 * `token_claims` when a name is none that a verifier would take.
 */
export async function issueToken(issuer: TokenIssuer, request: TokenRequest, clock: Clock): Promise<string> {
  const lifetime = request.lifetimeSeconds ?? DEFAULT_TOKEN_SECONDS;
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > LONGEST_TOKEN_SECONDS) {
    throw new HushtoneError(
      'token_lifetime',
      'invalid',
      `a token lives 1 to ${LONGEST_TOKEN_SECONDS} seconds`,
    );
  }
  if (!isAccountId(request.accountId) || !isName(request.subject) || !isName(request.clientId)) {
    throw new HushtoneError(
      'token_claims',
      'invalid',
      'the account is 1 to 64 letters, digits, ., _ or -; subject and client are 1 to 255 characters without ' +
        'twelve digits in a row',
    );
  }
  const issuedAt = Math.floor(clock.now().getTime() / 1000);
  const { kid, key } = issuer.keys.current;
  return await new SignJWT({
    client_id: request.clientId,
    account_id: request.accountId,
    roles: [...request.roles],
    scope: request.scopes.join(' '),
    ...(request.grantId !== undefined && { grant_id: request.grantId }),
    ...(request.certificateThumbprint !== undefined && {
      cnf: { [THUMBPRINT_MEMBER]: request.certificateThumbprint },
    }),
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE, kid })
    .setIssuer(issuer.issuer)
    .setAudience(issuer.audience)
    .setSubject(request.subject)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetime)
    .sign(key);
}

/** Rejects with `token_invalid`, or `issuer_unavailable` when the keys of another issuer cannot be had. */
export type TokenVerifier = (token: string, presented?: Presented) => Promise<Principal>;

export function tokenInvalid(cause: unknown): HushtoneError {
  return new HushtoneError('token_invalid', 'unauthenticated', 'the access token is not valid', { cause });
}

/** RFC 6749 section 3.3: words with spaces between them. */
export function scopesOf(scope: unknown): ReadonlySet<string> {
  return new Set(typeof scope === 'string' ? scope.split(' ').filter((word) => word !== '') : []);
}

function principalOf(payload: JWTPayload): Principal {
  const { sub, client_id: clientId, account_id: accountId, grant_id: grantId, roles, scope } = payload;
  if (!isAccountId(accountId) || !isName(sub) || !isName(clientId)) {
    throw new errors.JWTClaimValidationFailed('a claim is no name', payload);
  }
  if (grantId !== undefined && !isName(grantId)) {
    throw new errors.JWTClaimValidationFailed('the grant is no name', payload);
  }
  return {
    accountId,
    subject: sub,
    clientId,
    roles: Array.isArray(roles) ? roles.filter(isRole) : [],
    scopes: scopesOf(scope),
    ...(grantId !== undefined && { grantId }),
  };
}

/**
 * Checks signature, algorithm, type, issuer, audience, times (RFC 9068 section 4) and the binding to a certificate.
 * Rejects with `token_invalid`.
 */
export function createTokenVerifier(issuer: TokenIssuer, clock: Clock): TokenVerifier {
  const keyOf = ({ kid }: { kid?: string }) => {
    const key = kid === undefined ? undefined : issuer.keys.publicKeyOf(kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return key;
  };
  return async (token, presented = {}) => {
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        algorithms: [ALGORITHM],
        typ: TOKEN_TYPE,
        issuer: issuer.issuer,
        audience: issuer.audience,
        clockTolerance: CLOCK_SKEW_SECONDS,
        currentDate: clock.now(),
        requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id', 'account_id'],
      });
      if (!isBoundTo(payload['cnf'], presented)) {
        throw new errors.JWTClaimValidationFailed('not the certificate that the token is bound to', payload);
      }
      return principalOf(payload);
    } catch (cause) {
      throw tokenInvalid(cause);
    }
  };
}
