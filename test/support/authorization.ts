import { generateKeyPairSync } from 'node:crypto';
import type { LightMyRequestResponse } from 'fastify';
import { createTokenVerifier } from '../../src/access/access-token.ts';
import { createAuthorizationServer, TOKEN_PATH } from '../../src/access/authorization-server.ts';
import { ClientRegistry, type ClientRequest } from '../../src/access/client-registry-store.ts';
import { createKeyRing, type KeyRing } from '../../src/access/signing-keys.ts';
import { createTokenRecords } from '../../src/access/token-endpoint-store.ts';
import { TokenEndpoint } from '../../src/access/token-endpoint.ts';
import { appendAudit } from '../../src/audit/store.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { TestDatabase } from './database.ts';
import { ISSUER, TOKEN_URL, type Form } from './token-request.ts';
import { createTestHttp, type TestHttp, type TestHttpOptions } from './http.ts';

export const newKeyRing = (): KeyRing => createKeyRing(generateKeyPairSync('ed25519').privateKey);

export function registryOf({ database }: TestDatabase, clock: Clock): ClientRegistry {
  return new ClientRegistry({ database, append: appendAudit, clock, operator: 'tester' });
}

/** An instance of the gateway's HTTP interface that issues tokens, on a database that others may share. */
export async function createTokenHttp(
  db: TestDatabase,
  clock: Clock,
  keys: KeyRing,
  options: TestHttpOptions = {},
): Promise<TestHttp> {
  const issuer = { issuer: ISSUER, audience: 'hushtone', keys };
  const endpoint = new TokenEndpoint({
    issuer,
    url: () => TOKEN_URL,
    records: createTokenRecords(db.database, appendAudit, clock),
    clock,
  });
  return await createTestHttp({
    db,
    clock,
    verifyToken: createTokenVerifier(issuer, clock),
    authorization: createAuthorizationServer({
      issuer: ISSUER,
      keys,
      endpoint,
      publicUrl: () => ISSUER,
      certificates: options.tls?.askForCertificates === true,
    }),
    ...options,
  });
}

export const CLIENT: ClientRequest = {
  accountId: 'acc_a',
  name: 'CRM',
  roles: ['integrator'],
  scopes: ['captures:write', 'captures:read', 'calls:read'],
  networks: [],
  certificateBound: false,
  secretDays: 365,
};

export const formOf = (form: Form): string => new URLSearchParams(form).toString();

/** A token request as a client's software sends it. */
export async function askForToken(
  http: TestHttp,
  form: Form,
  from: { readonly address?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<LightMyRequestResponse> {
  return await http.server.inject({
    method: 'POST',
    url: TOKEN_PATH,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...from.headers },
    payload: formOf(form),
    remoteAddress: from.address ?? '192.0.2.10',
  });
}

export const secretForm = (clientId: string, secret: string, more: Form = {}): Form => ({
  grant_type: 'client_credentials',
  client_id: clientId,
  client_secret: secret,
  ...more,
});

export const basic = (clientId: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`,
});
