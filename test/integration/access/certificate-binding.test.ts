import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { thumbprintOf } from '../../../src/access/certificate-binding.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { createAuthority, issueLeaf, type Issued } from '../../../src/pki/certificate.ts';
import {
  CLIENT,
  createTokenHttp,
  formOf,
  newKeyRing,
  registryOf,
  secretForm,
} from '../../support/authorization.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import type { TestHttp } from '../../support/http.ts';

const clock = new HandClock();
let directory: string;
let pki: DevelopmentPki;
let ca: string;
let db: TestDatabase;
let http: TestHttp;
let port: number;
/** Certificates of two clients; who signed them is nothing that the gateway knows. */
let mine: Issued;
let foreign: Issued;
let form: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hushtone-binding-'));
  pki = await createDevelopmentPki(join(directory, 'pki'));
  ca = await readFile(pki.ca.certificate, 'utf8');
  const validity = { from: new Date(), days: 1 };
  const authority = await createAuthority('clients', validity);
  mine = await issueLeaf(authority, { commonName: 'mine', usage: 'client' }, validity);
  foreign = await issueLeaf(authority, { commonName: 'foreign', usage: 'client' }, validity);
  db = await createTestDatabase();
  http = await createTokenHttp(db, clock, newKeyRing(), {
    tls: {
      cert: await readFile(pki.server.certificate, 'utf8'),
      key: await readFile(pki.server.key, 'utf8'),
      askForCertificates: true,
    },
  });
  await http.server.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = http.server.server.address() as AddressInfo);
  const registry = registryOf(db, clock);
  await registry.createAccount('acc_a', []);
  const { client, secret } = await registry.createClient({ ...CLIENT, certificateBound: true });
  form = formOf(secretForm(client.id, secret?.secret ?? ''));
});

afterAll(async () => {
  await http.close();
  await db.close();
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(options: RequestOptions, identity: Issued | undefined, body = ''): Promise<Answer> {
  const sent = request({
    host: '127.0.0.1',
    port,
    ca,
    agent: false,
    ...options,
    ...(identity && { cert: identity.certificate, key: identity.key }),
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, body: JSON.parse(text) as Record<string, unknown> };
}

const askToken = async (identity?: Issued): Promise<Answer> =>
  await ask(
    {
      method: 'POST',
      path: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
    identity,
    form,
  );

const useToken = async (token: string, identity?: Issued): Promise<Answer> =>
  await ask({ path: '/v1/calls', headers: { authorization: `Bearer ${token}` } }, identity);

const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');

describe('a client whose tokens are bound to its certificate (RFC 8705)', () => {
  it('gets a token that names its certificate and works with it alone', async () => {
    const { status, body } = await askToken(mine);
    expect(status).toBe(200);
    const token = body['access_token'] as string;
    expect(decodeJwt(token)['cnf']).toEqual({ 'x5t#S256': thumbprintOf(derOf(mine.certificate)) });
    expect((await useToken(token, mine)).status).toBe(200);
    for (const identity of [undefined, foreign]) {
      const refused = await useToken(token, identity);
      expect(refused.status).toBe(401);
      expect(refused.body).toMatchObject({ code: 'token_invalid' });
    }
  });

  it('gets none without a certificate', async () => {
    const { status, body } = await askToken();
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'invalid_request' });
  });

  it('may come again on a session that was resumed, which carries the certificate along', async () => {
    const token = (await askToken(mine)).body['access_token'] as string;
    const identity = { cert: mine.certificate, key: mine.key };
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await callOver(token, { ...identity, maxVersion });
      const second = await callOver(token, { ...identity, maxVersion, session: first.session });
      expect([first.status, second.status]).toEqual([200, 200]);
      expect(second.resumed).toBe(true);
    }
  });
});

/** One request by hand, on a connection whose session can be kept. */
async function callOver(
  token: string,
  options: {
    readonly cert: string;
    readonly key: string;
    readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
    readonly session?: Buffer | undefined;
  },
): Promise<{ readonly status: number; readonly session: Buffer | undefined; readonly resumed: boolean }> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, ...options });
  let session: Buffer | undefined;
  socket.on('session', (fresh: Buffer) => (session = fresh));
  await once(socket, 'secureConnect');
  const resumed = socket.isSessionReused();
  socket.write(
    `GET /v1/calls HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
  );
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]),
    session,
    resumed,
  };
}
