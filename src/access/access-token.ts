import { createPublicKey, createPrivateKey, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT, jwtVerify, errors } from 'jose';
import { HushtoneError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRole, type Role } from '../kernel/roles.ts';
import { isAccountId, isName, type Principal } from './principal.ts';

/** RFC 9068 media type of a JWT access token. */
const TOKEN_TYPE = 'at+jwt';
const ALGORITHM = 'EdDSA';
const CLOCK_SKEW_SECONDS = 30;
/** A token is short-lived: ten minutes unless asked otherwise, a day at most. */
export const DEFAULT_TOKEN_SECONDS = 600;
export const LONGEST_TOKEN_SECONDS = 86_400;

export interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly signingKey: KeyObject;
}

export interface TokenRequest {
  readonly accountId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  readonly lifetimeSeconds?: number;
}

/** Reads an Ed25519 private key (PKCS#8 PEM). Throws `token_key_invalid`. */
export function readSigningKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw new HushtoneError('token_key_invalid', 'internal', 'the token signing key is not a PEM key', {
      cause,
    });
  }
  throw new HushtoneError('token_key_invalid', 'internal', 'the token signing key must be an Ed25519 key');
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
  return await new SignJWT({
    client_id: request.clientId,
    account_id: request.accountId,
    roles: [...request.roles],
    scope: request.scopes.join(' '),
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE })
    .setIssuer(issuer.issuer)
    .setAudience(issuer.audience)
    .setSubject(request.subject)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetime)
    .sign(issuer.signingKey);
}

export type TokenVerifier = (token: string) => Promise<Principal>;

/** Checks signature, algorithm, type, issuer, audience and times (RFC 9068 section 4). Rejects with `token_invalid`. */
export function createTokenVerifier(issuer: TokenIssuer, clock: Clock): TokenVerifier {
  const publicKey = createPublicKey(issuer.signingKey);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        algorithms: [ALGORITHM],
        typ: TOKEN_TYPE,
        issuer: issuer.issuer,
        audience: issuer.audience,
        clockTolerance: CLOCK_SKEW_SECONDS,
        currentDate: clock.now(),
        requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id', 'account_id'],
      });
      const { sub, client_id: clientId, account_id: accountId, roles, scope } = payload;
      if (!isAccountId(accountId) || !isName(sub) || !isName(clientId)) {
        throw new errors.JWTClaimValidationFailed('a claim is no name', payload);
      }
      const scopes = new Set(typeof scope === 'string' ? scope.split(' ').filter((word) => word !== '') : []);
      return {
        accountId,
        subject: sub,
        clientId,
        roles: Array.isArray(roles) ? roles.filter(isRole) : [],
        scopes,
      };
    } catch (cause) {
      throw new HushtoneError('token_invalid', 'unauthenticated', 'the access token is not valid', { cause });
    }
  };
}
