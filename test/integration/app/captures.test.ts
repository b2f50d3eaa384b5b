import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentSpeech, callerSpeech } from '../../../simulators/audio/speech.ts';
import { createInProcessMedia } from '../../../simulators/jambonz/media/in-process-media.ts';
import { startJambonzSimulator } from '../../../simulators/jambonz/simulator.ts';
import { SCOPES } from '../../../src/access/principal.ts';
import { startCaptures } from '../../../src/app/captures.ts';
import { SharedTime } from '../../../src/app/shared-time.ts';
import { SETTLE_LIMIT_MS } from '../../../src/app/settle-limit.ts';
import { Stopper } from '../../../src/app/stopper.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { openDatabase } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import type { Actor } from '../../../src/workflows/contract.ts';
import { ensureAccount } from '../../../src/workflows/stores/account-store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestNumbers } from '../../support/numbers.ts';
import { paymentsWith } from '../../support/payments.ts';
import { FakeProvider } from '../workflows/fakes.ts';

const ACCOUNT = 'acc_stop';
/** More captures than the database has connections: their writes wait for one another. */
const LINES = 4;
const POOL_SIZE = 1;

const ACTOR: Actor = {
  accountId: ACCOUNT,
  subject: 'crm',
  clientId: 'crm',
  roles: ['integrator'],
  scopes: new Set(SCOPES),
  reach: ['account'],
};

let folder: string;
let db: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-stop-'));
  db = await createTestDatabase();
  await db.database.transaction(ACCOUNT, async (tx) => await ensureAccount(tx, ACCOUNT));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

const lines = Array.from({ length: LINES }, (_, index) => ({
  number: `+1508308480${index}`,
  agent: `agent-${index}`,
  target: `200${index}`,
}));

async function configOf(): Promise<ReturnType<typeof loadConfig>> {
  const keyFile = join(folder, 'token.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return loadConfig({
    NODE_ENV: 'test',
    TELEPHONY_PORT: '0',
    JAMBONZ_USERNAME: 'jambonz',
    JAMBONZ_PASSWORD: 'not-a-secret-here',
    BRIDGE: 'conference',
    ROUTES: JSON.stringify(
      Object.fromEntries(
        lines.map(({ number, agent, target }) => [
          number,
          { account: ACCOUNT, agent, target: { type: 'phone', number: target } },
        ]),
      ),
    ),
    TOKEN_SIGNING_KEY_FILE: keyFile,
  });
}

test('what captures tell when telephony closes under them is written before the database is closed', async () => {
  const logged: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void logged.push(line) });
  const clock = systemClock;
  const stopper = new Stopper(logger, clock);
  const database = openDatabase({ url: db.url, poolSize: POOL_SIZE, logger });
  stopper.add('the database', async () => await database.close());
  const media = createInProcessMedia();
  const startup = { config: await configOf(), database, databaseUrl: db.url, clock, logger, stopper };
  const { captures, telephonyPort } = await startCaptures(
    startup,
    paymentsWith({
      database,
      clock,
      logger,
      provider: new FakeProvider(),
      instanceId: startup.config.instanceId,
    }),
    await createTestNumbers(),
    new SharedTime(clock, SETTLE_LIMIT_MS),
  );
  const simulator = startJambonzSimulator({
    applicationUrl: `ws://127.0.0.1:${telephonyPort}/jambonz`,
    username: 'jambonz',
    password: 'not-a-secret-here',
    media,
  });
  try {
    for (const [index, { number, target }] of lines.entries()) {
      const call = simulator.placeCall({
        from: `+1555111200${index}`,
        to: number,
        caller: { number: `+1555111200${index}`, speech: callerSpeech() },
        agent: { number: target, speech: agentSpeech() },
      });
      await call.whenConnected;
    }
    const ids: string[] = [];
    for (const { agent } of lines) {
      const order = { agent_id: agent, purpose: 'tokenize' } as const;
      ids.push((await captures.create(ACTOR, order)).id);
    }
    for (const id of ids) {
      const status = async (): Promise<string> => (await captures.get(ACTOR, id)).status;
      await expect.poll(status, { timeout: 30_000 }).toBe('collecting');
    }
    await captures.written(30_000);

    await stopper.stop();
    const told = await execute<{ interruption: string | null }>(
      db.url,
      `select (select e.payload->'capture'->>'interruption' from capture_events e
         where e.capture_id = c.id order by e.sequence desc limit 1) as interruption
       from captures c where c.account_id = $1`,
      [ACCOUNT],
    );
    // Whichever of its sockets was the first to close.
    const lost = expect.stringMatching(/^(?:listen|control)_lost$/) as unknown;
    expect(told.map(({ interruption }) => interruption)).toEqual(ids.map(() => lost));
    expect(logged.filter((line) => line.includes('not written') || line.includes('did not stop'))).toEqual(
      [],
    );
  } finally {
    await stopper.stop();
    await simulator.close();
    await media.close();
  }
});
