import { createHash } from 'node:crypto';
import { decodeJwt, importJWK, jwtVerify, type JWTHeaderParameters } from 'jose';
import { HushtoneError } from '../kernel/errors.ts';
import { CLOCK_SKEW_SECONDS } from './access-token.ts';
import { ASSERTION_ALGORITHMS, type ClientKey } from './client-keys.ts';

/** RFC 7523 section 2.2. */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** An assertion is made for one request; what lives longer is a password that someone can find. */
const LONGEST_ASSERTION_SECONDS = 300;
/** Three RSA signatures of 4096 bits would fit. */
export const LONGEST_ASSERTION = 4096;
const LONGEST_JTI = 255;

/** The `jti` of an assertion that proved who sent it, and until when it must not come again. */
export interface ProvenAssertion {
  readonly jtiHash: Buffer;
  readonly expiresAt: Date;
}

function invalid(reason: string, cause?: unknown): HushtoneError {
  return new HushtoneError('client_assertion_invalid', 'unauthenticated', reason, { cause });
}

/** Who the assertion says that it is from: not proven, only what to look up. Undefined when it says nothing. */
export function claimedClientOf(assertion: string): string | undefined {
  if (assertion.length > LONGEST_ASSERTION) return undefined;
  try {
    const { sub } = decodeJwt(assertion);
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}

/** The key that the assertion names; without a name the only one there is. Its algorithm is the key's, never the header's. */
function keyOf(header: JWTHeaderParameters, keys: readonly ClientKey[]): ClientKey {
  const { kid } = header;
  const key =
    kid === undefined ? (keys.length === 1 ? keys[0] : undefined) : keys.find((one) => one.kid === kid);
  if (key === undefined) throw invalid('no such key');
  if (header.alg !== key.alg) throw invalid('not the algorithm of the key');
  return key;
}

/**
 * Checks a client's assertion (RFC 7523 section 3): signed by one of its keys, `iss` and `sub` its id, `aud` this
 * authorization server and nobody besides, five minutes at most, with a `jti`. Rejects with
 * `client_assertion_invalid`. Whether it came before is for the database to say.
 */
export async function verifyAssertion(
  assertion: string,
  expected: {
    readonly clientId: string;
    readonly keys: readonly ClientKey[];
    readonly audiences: readonly string[];
    readonly now: Date;
  },
): Promise<ProvenAssertion> {
  const { clientId, keys, audiences, now } = expected;
  try {
    const { payload } = await jwtVerify(
      assertion,
      async (header) => {
        const key = keyOf(header, keys);
        return await importJWK({ ...key }, key.alg);
      },
      {
        algorithms: [...ASSERTION_ALGORITHMS],
        issuer: clientId,
        subject: clientId,
        audience: [...audiences],
        clockTolerance: CLOCK_SKEW_SECONDS,
        currentDate: now,
        requiredClaims: ['exp', 'jti', 'iss', 'sub', 'aud'],
      },
    );
    const { aud, exp = 0, iat, jti } = payload;
    const nowSeconds = Math.floor(now.getTime() / 1000);
    if (Array.isArray(aud) && aud.length !== 1) throw invalid('another audience may use it too');
    if (exp > nowSeconds + LONGEST_ASSERTION_SECONDS + CLOCK_SKEW_SECONDS) throw invalid('lives too long');
    if (iat !== undefined && iat > nowSeconds + CLOCK_SKEW_SECONDS) throw invalid('comes from the future');
    if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) throw invalid('has no fit jti');
    return {
      jtiHash: createHash('sha256').update(jti).digest(),
      expiresAt: new Date((exp + CLOCK_SKEW_SECONDS + 1) * 1000),
    };
  } catch (error) {
    if (error instanceof HushtoneError) throw error;
    throw invalid('is not valid', error);
  }
}
