import { ASSERTION_ALGORITHMS } from './client-keys.ts';
import { SCOPES } from './principal.ts';
import type { KeyRing } from './signing-keys.ts';
import type { TokenAnswer, TokenEndpoint, TokenEndpointRequest } from './token-endpoint.ts';

/** Below the gateway's public URL. */
export const TOKEN_PATH = '/oauth/token';
export const JWKS_PATH = '/.well-known/jwks.json';

/** RFC 8414 section 2. */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly scopes_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly tls_client_certificate_bound_access_tokens: boolean;
}

/** What the HTTP interface shows of the authorization server. */
export interface AuthorizationServer {
  /** Rejects with `OAuthError`, or with `database_unavailable` or `too_busy`. */
  issue(request: TokenEndpointRequest): Promise<TokenAnswer>;
  readonly jwks: KeyRing['jwks'];
  metadata(): AuthorizationServerMetadata;
}

export interface AuthorizationServerOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly endpoint: Pick<TokenEndpoint, 'issue'>;
  /** Where clients reach the gateway, no trailing slash. Known once it listens. */
  readonly publicUrl: () => string;
  /** Does the listener ask its clients for certificates? */
  readonly certificates: boolean;
}

export function createAuthorizationServer(options: AuthorizationServerOptions): AuthorizationServer {
  const { issuer, keys, endpoint, publicUrl, certificates } = options;
  return {
    issue: async (request) => await endpoint.issue(request),
    jwks: keys.jwks,
    metadata: () => ({
      issuer,
      token_endpoint: `${publicUrl()}${TOKEN_PATH}`,
      jwks_uri: `${publicUrl()}${JWKS_PATH}`,
      scopes_supported: SCOPES,
      // There is no authorization endpoint, hence no response type; RFC 8414 wants the member nevertheless.
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      tls_client_certificate_bound_access_tokens: certificates,
    }),
  };
}
