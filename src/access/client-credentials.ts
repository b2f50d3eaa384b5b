import { ASSERTION_TYPE, claimedClientOf } from './client-assertion.ts';
import { OAuthError } from './oauth-error.ts';

/** The parameters of a token request, each at most once (RFC 6749 section 3.2). */
export type TokenParameters = Readonly<Record<string, string | undefined>>;

/** How a client says who it is, before anything of it was checked. */
export type ClientCredentials =
  | { readonly method: 'client_secret'; readonly clientId: string; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly clientId: string; readonly assertion: string };

const MALFORMED = 'The Authorization header is not that of HTTP Basic authentication.';

/** RFC 6749 section 2.3.1: both halves are form-urlencoded before they are put together. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new OAuthError('invalid_request', MALFORMED);
  }
}

function basicCredentials(authorization: string): ClientCredentials {
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined) throw new OAuthError('invalid_request', MALFORMED);
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw new OAuthError('invalid_request', MALFORMED);
  return {
    method: 'client_secret',
    clientId: formDecoded(text.slice(0, colon)),
    secret: formDecoded(text.slice(colon + 1)),
  };
}

function assertionCredentials(assertion: string, type: string | undefined): ClientCredentials {
  if (type !== ASSERTION_TYPE) {
    throw new OAuthError('invalid_request', `client_assertion_type must be ${ASSERTION_TYPE}.`);
  }
  const clientId = claimedClientOf(assertion);
  if (clientId === undefined) {
    throw new OAuthError('invalid_request', 'client_assertion is no JWT with the client id as its sub.');
  }
  return { method: 'private_key_jwt', clientId, assertion };
}

/**
 * Reads the credentials by `client_secret_basic`, `client_secret_post` or `private_key_jwt`. Throws `OAuthError`
 * `invalid_client` when there are none, and `invalid_request` when there are two kinds at once (RFC 6749 section
 * 2.3) or when they contradict each other.
 */
export function readCredentials(
  parameters: TokenParameters,
  authorization: string | undefined,
): ClientCredentials {
  const { client_id: clientId, client_secret: secret, client_assertion: assertion } = parameters;
  const kinds = [authorization, secret, assertion].filter((kind) => kind !== undefined);
  if (kinds.length === 0) {
    throw new OAuthError('invalid_client', 'The client has not authenticated itself.');
  }
  if (kinds.length > 1) {
    throw new OAuthError('invalid_request', 'More than one kind of client authentication is used.');
  }
  const credentials =
    authorization !== undefined
      ? basicCredentials(authorization)
      : assertion !== undefined
        ? assertionCredentials(assertion, parameters['client_assertion_type'])
        : { method: 'client_secret' as const, clientId: clientId ?? '', secret: secret ?? '' };
  if (clientId !== undefined && clientId !== credentials.clientId) {
    throw new OAuthError('invalid_request', 'client_id is not the client that authenticates itself.');
  }
  if (credentials.clientId === '') throw new OAuthError('invalid_request', 'client_id is missing.');
  return credentials;
}
