import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGateway } from '../../../simulators/stack/gateway-process.ts';
import { runCommand } from '../../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let folder: string;
let db: TestDatabase;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-serve-'));
  db = await createTestDatabase();
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(join(folder, 'token.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
});

afterEach(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

test('a gateway that runs has its secrets no more in the environment that its processes would inherit', async () => {
  const { out: printed } = await runCommand(['keys', 'print'], {});
  const secrets = {
    DATABASE_URL: db.url,
    JAMBONZ_PASSWORD: randomBytes(16).toString('hex'),
    NUMBERS_KEY: randomBytes(32).toString('hex'),
    VAULT_KEYS: printed.trim(),
    WEBHOOKS_KEY: randomBytes(32).toString('hex'),
  };
  const gateway = await startGateway({
    NODE_ENV: 'test',
    // Node writes its environment, as it is at the moment, into the report.
    NODE_OPTIONS: `--report-on-signal --report-signal=SIGUSR2 --report-directory=${folder} --report-compact`,
    DATA_DIR: folder,
    HTTP_PORT: '0',
    TELEPHONY_PORT: '0',
    JAMBONZ_USERNAME: 'jambonz',
    BRIDGE: 'conference',
    ROUTES: '{"+15083084809":{"account":"acc_a","agent":"a-1","target":{"type":"phone","number":"2000"}}}',
    TOKEN_SIGNING_KEY_FILE: join(folder, 'token.pem'),
    KEY_PROVIDER: 'env',
    ...secrets,
  });
  const report = async (): Promise<string> => {
    const name = (await readdir(folder)).find((each) => each.startsWith('report.'));
    return name === undefined ? '' : await readFile(join(folder, name), 'utf8');
  };
  try {
    process.kill(gateway.pid, 'SIGUSR2');
    await expect.poll(report, { timeout: 30_000 }).toMatch(/\}\s*$/);
  } finally {
    await gateway.stop();
  }
  const { environmentVariables } = JSON.parse(await report()) as {
    readonly environmentVariables: Readonly<Record<string, string>>;
  };
  expect(environmentVariables).toMatchObject({ JAMBONZ_USERNAME: 'jambonz', KEY_PROVIDER: 'env' });
  for (const [name, value] of Object.entries(secrets)) {
    expect([name, environmentVariables[name], (await report()).includes(value)]).toEqual([
      name,
      undefined,
      false,
    ]);
  }
});
