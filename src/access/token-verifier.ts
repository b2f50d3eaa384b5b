import { decodeJwt } from 'jose';
import type { TokenVerifier } from './access-token.ts';

/** Who the token says that it is from: only to choose who checks it. */
function claimedIssuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Has a token of the external issuer checked by its rules, and any other by our own. */
export function chooseVerifier(
  own: TokenVerifier,
  external?: { readonly issuer: string; readonly verify: TokenVerifier },
): TokenVerifier {
  if (external === undefined) return own;
  return async (token, presented) =>
    await (claimedIssuerOf(token) === external.issuer ? external.verify : own)(token, presented);
}
