import { createTokenVerifier, type TokenIssuer, type TokenVerifier } from '../access/access-token.ts';
import {
  createAuthorizationServer,
  TOKEN_PATH,
  type AuthorizationServer,
} from '../access/authorization-server.ts';
import { createClientDirectory, type NetworksOf } from '../access/client-directory-store.ts';
import { createExternalVerifier } from '../access/external-issuer.ts';
import { issueGrantToken } from '../access/grant-token.ts';
import { createKeyRing, readSigningKey, readVerificationKey } from '../access/signing-keys.ts';
import { createTokenRecords } from '../access/token-endpoint-store.ts';
import { TokenEndpoint } from '../access/token-endpoint.ts';
import { chooseVerifier } from '../access/token-verifier.ts';
import { appendAudit } from '../audit/store.ts';
import type { Config } from '../config/config.ts';
import { Grants } from '../workflows/grant-desk.ts';
import type { StartupWithDatabase } from './startup.ts';

/** Who may ask, and with what: tokens are issued and verified here, and grants are given out. */
export interface Access {
  readonly verifyToken: TokenVerifier;
  readonly authorization: AuthorizationServer;
  readonly networksOf: NetworksOf;
  readonly grants: Grants;
}

/** The gateway as an issuer of access tokens. Throws when a key is none: before anything is started. */
export function tokenIssuerOf({ tokens }: Config): TokenIssuer {
  const keys = createKeyRing(
    readSigningKey(tokens.signingKey.reveal()),
    tokens.previousKeys.map(readVerificationKey),
  );
  return { ...tokens, keys };
}

/** `publicUrl` is asked with each request: a port that the system chooses is known only then. */
export function createAccess(
  startup: StartupWithDatabase,
  issuer: TokenIssuer,
  publicUrl: () => string,
): Access {
  const { database, clock, logger } = startup;
  return {
    verifyToken: verifierOf(startup, issuer),
    authorization: authorizationOf(startup, issuer, publicUrl),
    networksOf: createClientDirectory(database, clock),
    grants: new Grants({
      database,
      issueToken: async (grant) => await issueGrantToken(issuer, grant, clock),
      clock,
      logger,
    }),
  };
}

function verifierOf({ config, clock }: StartupWithDatabase, issuer: TokenIssuer): TokenVerifier {
  const { external } = config.tokens;
  const own = createTokenVerifier(issuer, clock);
  if (external === undefined) return own;
  return chooseVerifier(own, { issuer: external.issuer, verify: createExternalVerifier(external, clock) });
}

function authorizationOf(
  { config, database, clock }: StartupWithDatabase,
  issuer: TokenIssuer,
  publicUrl: () => string,
): AuthorizationServer {
  const endpoint = new TokenEndpoint({
    issuer,
    url: () => `${publicUrl()}${TOKEN_PATH}`,
    records: createTokenRecords(database, appendAudit, clock),
    clock,
  });
  return createAuthorizationServer({
    issuer: issuer.issuer,
    keys: issuer.keys,
    endpoint,
    publicUrl,
    certificates: config.http.askForCertificates,
  });
}
