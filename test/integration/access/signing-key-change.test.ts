import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type App } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { CLIENT, formOf, registryOf, secretForm } from '../../support/authorization.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let folder: string;
let db: TestDatabase;
let form: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  db = await createTestDatabase();
  for (const name of ['old.pem', 'next.pem']) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(join(folder, name), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }
  const registry = registryOf(db, systemClock);
  await registry.createAccount('acc_a', ['127.0.0.0/8']);
  const { client, secret } = await registry.createClient(CLIENT);
  form = formOf(secretForm(client.id, secret?.secret ?? ''));
});

afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

/** A gateway that signs with the first key and trusts the others too. */
async function gateway(signing: string, ...trusted: string[]): Promise<App> {
  const config = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: db.url,
    DATA_DIR: join(folder, 'data'),
    HTTP_PORT: '0',
    TELEPHONY_PORT: '0',
    JAMBONZ_USERNAME: 'jambonz',
    JAMBONZ_PASSWORD: 'not-a-secret-here',
    BRIDGE: 'conference',
    ROUTES: JSON.stringify({
      '+15083084809': {
        account: 'acc_a',
        agent: 'agent-1',
        target: { type: 'phone', number: '2000', trunk: 'agents' },
      },
    }),
    TOKEN_SIGNING_KEY_FILE: join(folder, signing),
    TOKEN_PREVIOUS_KEY_FILES: trusted.map((name) => join(folder, name)).join(','),
  });
  return await startApp(config, silentLogger);
}

const urlOf = (app: App, path: string): string => `http://127.0.0.1:${app.httpPort}${path}`;

async function tokenFrom(app: App): Promise<string> {
  const metadata = await fetch(urlOf(app, '/.well-known/oauth-authorization-server'));
  const { token_endpoint: url } = (await metadata.json()) as { token_endpoint: string };
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form,
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function statusOf(app: App, token: string): Promise<number> {
  const answer = await fetch(urlOf(app, '/v1/calls'), { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

it('a signing key is changed instance by instance, and no token is refused on the way', async () => {
  // Side by side while instances are restarted: the one knows the next key already, the other signs with it.
  const before = await gateway('old.pem', 'next.pem');
  const after = await gateway('next.pem', 'old.pem');
  const tokens: string[] = [];
  try {
    tokens.push(await tokenFrom(before), await tokenFrom(after));
    for (const token of tokens) {
      expect([await statusOf(before, token), await statusOf(after, token)]).toEqual([200, 200]);
    }
  } finally {
    await before.close();
    await after.close();
  }
  const last = await gateway('next.pem');
  try {
    const jwks = (await (await fetch(urlOf(last, '/.well-known/jwks.json'))).json()) as { keys: unknown[] };
    expect(jwks.keys).toHaveLength(1);
    const statuses = await Promise.all(tokens.map(async (token) => await statusOf(last, token)));
    expect(statuses).toEqual([401, 200]);
  } finally {
    await last.close();
  }
});
