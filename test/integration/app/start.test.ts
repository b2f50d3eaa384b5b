import { generateKeyPairSync } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startApp } from '../../../src/app.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { isAlive, readPostmaster } from '../../../src/db/embedded-postgres/postmaster.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import { makeDataDir } from '../../support/database.ts';

let dataDir: string;
let keyFile: string;
const logged: string[] = [];
const logger = createLogger('debug', { write: (line: string) => void logged.push(line) });
const servers: Server[] = [];

beforeAll(async () => {
  dataDir = await makeDataDir();
  keyFile = join(dataDir, 'token.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
});
afterEach(async () => {
  logged.length = 0;
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});
afterAll(async () => await rm(dataDir, { recursive: true }));

/** Listens on the loopback; rejects when something else does. */
async function take(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

async function giveBack(): Promise<void> {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
}

/** A gateway with a database of its own, which has no rtpengine to talk to until a call is masked. */
function configOf(ports: { readonly http: number; readonly telephony: number }): Config {
  return loadConfig({
    NODE_ENV: 'test',
    DATA_DIR: dataDir,
    HTTP_PORT: String(ports.http),
    TELEPHONY_PORT: String(ports.telephony),
    JAMBONZ_USERNAME: 'jambonz',
    JAMBONZ_PASSWORD: 'not-a-secret-here',
    BRIDGE: 'dial',
    RTPENGINE_URL: 'udp://127.0.0.1:9',
    FREESWITCH_MEDIA_ADDRESSES: '127.0.0.1',
    ROUTES: '{"+15083084809":{"account":"acc_a","agent":"a-1","target":{"type":"phone","number":"2000"}}}',
    TOKEN_SIGNING_KEY_FILE: keyFile,
  });
}

/** The process of the embedded PostgreSQL, if there is one: its data lies somewhere below the folder. */
async function databaseProcess(): Promise<number | undefined> {
  const names = await readdir(dataDir, { recursive: true });
  const file = names.find((name) => name.endsWith('postmaster.pid'));
  return file === undefined ? undefined : (await readPostmaster(join(dataDir, file, '..')))?.pid;
}

/** Sockets and servers of this process, by their kind. */
function openSockets(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /TCP|UDP|TLS/.test(kind))
    .sort();
}

it('a start that comes upon a taken port stops all that it had started, and says which port', async () => {
  const before = openSockets();
  const [http, telephony] = [await take(0), await take(0)];
  await giveBack();

  await take(http);
  await expect(startApp(configOf({ http, telephony }), logger)).rejects.toMatchObject({
    code: 'cannot_listen',
    message: expect.stringMatching(`port ${http}: something else listens there.*HTTP_PORT`) as unknown,
  });
  expect(await databaseProcess()).toBeUndefined();
  await giveBack();
  // The telephony listener was up by then.
  await take(telephony);

  await expect(startApp(configOf({ http, telephony }), logger)).rejects.toMatchObject({
    code: 'cannot_listen',
    message: expect.stringMatching(`port ${telephony}: .*TELEPHONY_PORT`) as unknown,
  });
  expect(await databaseProcess()).toBeUndefined();
  await take(http);
  await giveBack();

  const app = await startApp(configOf({ http, telephony }), logger);
  expect([app.httpPort, app.telephonyPort]).toEqual([http, telephony]);
  const postgres = await databaseProcess();
  expect(postgres !== undefined && isAlive(postgres)).toBe(true);
  await app.close();
  expect(await databaseProcess()).toBeUndefined();
  await expect.poll(openSockets, { timeout: 60_000 }).toEqual(before);
  expect(logged.filter((line) => line.includes('did not stop'))).toEqual([]);
});
