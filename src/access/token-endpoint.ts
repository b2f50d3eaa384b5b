import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { DEFAULT_TOKEN_SECONDS, issueToken, type TokenIssuer } from './access-token.ts';
import type { Presented } from './certificate-binding.ts';
import { verifyAssertion, type ProvenAssertion } from './client-assertion.ts';
import { readCredentials, type ClientCredentials, type TokenParameters } from './client-credentials.ts';
import { isClientSecret, secretIdOf } from './client-secret.ts';
import { isSecretValid, type Client, type ClientSecretRecord } from './client.ts';
import { secondsLocked, sourceOf, type LoginFailures } from './login-lock.ts';
import { isAllowed, type AddressBlocks } from './networks.ts';
import { OAuthError } from './oauth-error.ts';

export interface TokenEndpointRequest {
  readonly parameters: TokenParameters;
  readonly authorization?: string | undefined;
  readonly address: string;
  readonly requestId: string;
  readonly presented: Presented;
}

/** RFC 6749 section 5.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
}

/** Who asked, for the records. */
export interface TokenAsker {
  readonly address: string;
  readonly requestId: string;
}

/** A client with what its account says of it. */
export interface KnownClient {
  readonly client: Client;
  readonly accountNetworks: AddressBlocks;
  /** The secret that the request names, when the client has it. */
  readonly secret?: ClientSecretRecord & { readonly hash: string };
}

/** What of a client's proof is used up or noted when a token is issued. */
export type Proof = { readonly secretId: string } | { readonly assertion: ProvenAssertion };

/** The database, as this endpoint needs it. */
export interface TokenRecords {
  /** Undefined: nobody has failed from there lately. */
  failuresOf(source: Buffer): Promise<LoginFailures | undefined>;
  /** Asks the same of the database whether or not there is such a client. */
  find(clientId: string, secretId: string | undefined): Promise<KnownClient | undefined>;
  /**
   * Spends the proof and records the outcome, in one transaction. False, and nothing recorded, when the proof is worth
   * nothing any more: an assertion that came before, or a secret that was revoked a moment ago.
   */
  settle(
    client: Client,
    proof: Proof,
    outcome: { readonly scopes: readonly string[] } | { readonly refused: string },
    asker: TokenAsker,
  ): Promise<boolean>;
  /** One more failure; `client` is known or not. */
  fail(source: Buffer, client: Client | undefined, reason: string, asker: TokenAsker): Promise<LoginFailures>;
  forgetFailures(source: Buffer): Promise<void>;
}

export interface TokenEndpointOptions {
  readonly issuer: TokenIssuer;
  /** The URL of this endpoint, which assertions may name as their audience besides the issuer. */
  readonly url: () => string;
  readonly records: TokenRecords;
  readonly clock: Clock;
}

const REFUSED = 'The client is not known, or did not prove who it is.';

/** Why a client is refused that proved nothing, for the record; and what it proved otherwise. */
type Authentication = { readonly reason: string } | { readonly client: Client; readonly proof: Proof };

/** The token endpoint of RFC 6749 for the grant `client_credentials` (section 4.4). */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /** Rejects with `OAuthError`, or with `database_unavailable`. */
  async issue(request: TokenEndpointRequest): Promise<TokenAnswer> {
    const { parameters, authorization, address, requestId, presented } = request;
    const grantType = parameters['grant_type'];
    if (grantType === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.');
    const credentials = readCredentials(parameters, authorization);
    if (grantType !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'The only grant_type is client_credentials.');
    }
    const asker = { address, requestId };
    const { records } = this.#options;
    const source = sourceOf(credentials.clientId, address);
    const failures = await records.failuresOf(source);
    this.#refuseLocked(failures);

    const secretId = credentials.method === 'client_secret' ? secretIdOf(credentials.secret) : undefined;
    const known = await records.find(credentials.clientId, secretId);
    const result = await this.#authenticate(credentials, known, address);
    if ('reason' in result) return await this.#refuse(source, known?.client, result.reason, asker);

    const { client, proof } = result;
    const outcome = grantOf(client, parameters['scope'], presented);
    const settled = await records.settle(
      client,
      proof,
      outcome instanceof OAuthError ? { refused: outcome.error } : outcome,
      asker,
    );
    if (!settled) return await this.#refuse(source, client, 'proof_spent', asker);
    if (failures !== undefined) await records.forgetFailures(source);
    if (outcome instanceof OAuthError) throw outcome;
    return await this.#answer(client, outcome.scopes, presented);
  }

  #refuseLocked(failures: LoginFailures | undefined): void {
    const seconds = secondsLocked(failures, this.#options.clock.now());
    if (seconds === 0) return;
    throw new OAuthError('invalid_client', 'Too many failed attempts; try again later.', seconds);
  }

  async #refuse(
    source: Buffer,
    client: Client | undefined,
    reason: string,
    asker: TokenAsker,
  ): Promise<never> {
    this.#refuseLocked(await this.#options.records.fail(source, client, reason, asker));
    throw new OAuthError('invalid_client', REFUSED);
  }

  async #authenticate(
    credentials: ClientCredentials,
    known: KnownClient | undefined,
    address: string,
  ): Promise<Authentication> {
    const proof =
      credentials.method === 'client_secret'
        ? await this.#proveSecret(credentials.secret, known)
        : await this.#proveAssertion(credentials, known);
    if (known === undefined) return { reason: 'client_unknown' };
    if ('reason' in proof) return proof;
    const { client, accountNetworks } = known;
    if (client.disabledAt !== undefined) return { reason: 'client_disabled' };
    if (!isAllowed(address, client.networks) || !isAllowed(address, accountNetworks)) {
      return { reason: 'address_not_allowed' };
    }
    return { client, proof };
  }

  /** Works as long for a client that there is not as for one that there is. */
  async #proveSecret(
    text: string,
    known: KnownClient | undefined,
  ): Promise<Proof | { readonly reason: string }> {
    const secret = known?.secret;
    if (!(await isClientSecret(text, secret?.hash)) || secret === undefined)
      return { reason: 'secret_wrong' };
    if (!isSecretValid(secret, this.#options.clock.now())) {
      return { reason: secret.revokedAt === undefined ? 'secret_expired' : 'secret_revoked' };
    }
    return { secretId: secret.id };
  }

  async #proveAssertion(
    { clientId, assertion }: { readonly clientId: string; readonly assertion: string },
    known: KnownClient | undefined,
  ): Promise<Proof | { readonly reason: string }> {
    const { issuer, url, clock } = this.#options;
    try {
      const keys = known?.client.publicKeys ?? [];
      const audiences = [issuer.issuer, url()];
      return { assertion: await verifyAssertion(assertion, { clientId, keys, audiences, now: clock.now() }) };
    } catch (error) {
      if (error instanceof HushtoneError && error.kind === 'unauthenticated') return { reason: error.code };
      throw error;
    }
  }

  async #answer(client: Client, scopes: readonly string[], presented: Presented): Promise<TokenAnswer> {
    const { issuer, clock } = this.#options;
    const token = await issueToken(
      issuer,
      {
        accountId: client.accountId,
        subject: client.id, // RFC 9068 section 2.2: without a resource owner the client stands for itself
        clientId: client.id,
        roles: client.roles,
        scopes,
        ...(client.certificateBound &&
          presented.certificateThumbprint !== undefined && {
            certificateThumbprint: presented.certificateThumbprint,
          }),
      },
      clock,
    );
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: DEFAULT_TOKEN_SECONDS,
      scope: scopes.join(' '),
    };
  }
}

/** The scopes of the token: those asked for, or all that the client has. What it does not have refuses the whole. */
function grantOf(
  client: Client,
  asked: string | undefined,
  presented: Presented,
): { readonly scopes: readonly string[] } | OAuthError {
  if (client.certificateBound && presented.certificateThumbprint === undefined) {
    return new OAuthError(
      'invalid_request',
      'This client must show a TLS certificate: its tokens are bound to it.',
    );
  }
  if (asked === undefined || asked === '') return { scopes: client.scopes };
  const scopes = [...new Set(asked.split(' ').filter((word) => word !== ''))];
  if (scopes.every((scope) => client.scopes.includes(scope))) return { scopes };
  return new OAuthError('invalid_scope', 'The client may not have every scope that it asks for.');
}
