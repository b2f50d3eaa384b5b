import { fork, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { cardTokenRekeyables } from '../../../src/vault/tokens/rekey-store.ts';
import type { CardVault } from '../../../src/workflows/tokens/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import type { RotationProgress } from '../../support/rotating-process.ts';
import { insertAccount } from '../../support/rows.ts';
import { cardNumberAt, seedCards } from '../../support/seed-cards.ts';
import { digitsOf, storeCardNumber, testVault } from '../../support/vault-cards.ts';
import { CARD, VISA, World } from '../workflows/world.ts';

const RECORDS = 100_000;
const BATCH = 500;
/** The first process is killed when it has moved so many. */
const KILLED_AFTER = 30_000;
const SAMPLE = 1000;
const ACCOUNT = 'acc_a';
/** As long as a busy machine may take for all of it. */
const TIME_LIMIT_MS = 300_000;

const SCRIPT = fileURLToPath(new URL('../../support/rotating-process.ts', import.meta.url));
const RUN_TYPESCRIPT = fileURLToPath(new URL('../../support/run-typescript.mjs', import.meta.url));

let db: TestDatabase;
let keys: TestKeyRing;
let vault: CardVault;
/** By the index of their card. */
let ids: string[];

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  await db.database.transaction(ACCOUNT, async (tx) => await insertAccount(tx, ACCOUNT));
  keys = await createTestKeyRing(db);
  vault = testVault(db, keys.keyRing);
  ids = await seedCards(db.url, keys.keyRing, ACCOUNT, RECORDS);
}, TIME_LIMIT_MS);

afterAll(async () => {
  await keys.close();
  await db.close();
});

interface Rotation {
  readonly process: ChildProcess;
  /** Code and signal. */
  readonly exit: Promise<unknown[]>;
}

function startRotation(onProgress: (progress: RotationProgress) => void): Rotation {
  const child = fork(SCRIPT, [db.url, keys.folder, 'card_data', String(BATCH)], {
    execArgv: ['--import', RUN_TYPESCRIPT],
  });
  child.on('message', onProgress);
  return { process: child, exit: once(child, 'exit') };
}

interface Captured {
  readonly accountId: string;
  readonly token: string;
}

interface Load {
  readonly stored: number;
  readonly revealed: number;
  /** What whole captures have left behind, each keyed on a call, paid and kept. */
  readonly captured: readonly Captured[];
}

/** What captures and payments do with the vault, until `stop`. A failure of any of it is one of the test. */
function startLoad(): { stop(): Promise<Load> } {
  const load = { stopped: false };
  let revealed = 0;
  let stored = 0;
  const captured: Captured[] = [];
  const capturing = async (): Promise<void> => {
    while (!load.stopped) captured.push(await captureOne());
  };
  const storing = async (): Promise<void> => {
    while (!load.stopped) {
      using number = cardNumberAt(RECORDS + stored);
      await storeCardNumber(db, vault, ACCOUNT, number);
      stored += 1;
    }
  };
  const revealing = async (): Promise<void> => {
    while (!load.stopped) {
      await revealOne(vault, randomInt(RECORDS));
      revealed += 1;
    }
  };
  const running = Promise.all([capturing(), storing(), revealing(), revealing()]);
  // Looked at when it is stopped; a failure until then is no unhandled one.
  running.catch(() => undefined);
  return {
    stop: async () => {
      load.stopped = true;
      await running;
      return { stored, revealed, captured };
    },
  };
}

/** A capture on a call of its own: keyed, paid, and the card put into the vault. */
async function captureOne(): Promise<Captured> {
  const world = await World.start(db, { vault });
  const { id } = await world.collecting({ purpose: 'charge_and_save', token_storage: 'vault' });
  world.calls.masking.keys(CARD);
  await world.captures.command(world.actor, id, { type: 'submit' });
  const { status } = await world.ended(id);
  const token = (await world.payment(id))?.token;
  if (status !== 'succeeded' || typeof token !== 'string') throw new Error(`a capture ended as ${status}`);
  return { accountId: world.accountId, token };
}

async function revealOne(from: CardVault, index: number): Promise<void> {
  using expected = cardNumberAt(index);
  using card = await from.reveal(ACCOUNT, ids[index] ?? '');
  if (!card.cardNumber.equals(expected)) throw new Error(`another card came out of token ${index}`);
}

async function countByKey(): Promise<Record<string, number>> {
  const rows = await execute<{ key_id: string; count: number }>(
    db.url,
    'select key_id, count(*)::int as count from card_tokens group by key_id',
  );
  return Object.fromEntries(rows.map(({ key_id, count }) => [key_id, count]));
}

test(
  '100,000 cards move to a new key while captures run, though the first process is killed',
  async () => {
    const rekeyables = cardTokenRekeyables({
      database: db.database,
      keyRing: keys.keyRing,
      logger: silentLogger,
    });
    const registry = keys.registry(...rekeyables);
    const load = startLoad();
    const { active, previous } = await registry.rotate('card_data');

    const first = startRotation(({ moved }) => {
      if (moved >= KILLED_AFTER) first.process.kill('SIGKILL');
    });
    expect(await first.exit).toEqual([null, 'SIGKILL']);
    const left = await rekeyables[0].remaining(previous.id);
    expect(left).toBeGreaterThan(0);
    // What was stored before the rotation began moves too: hence no upper bound of exactly 70,000.
    expect((await countByKey())[active.id]).toBeGreaterThanOrEqual(KILLED_AFTER);
    await expect(registry.retire(previous.id)).rejects.toMatchObject({ code: 'key_in_use' });

    const steps: number[] = [];
    const second = startRotation(({ moved }) => steps.push(moved));
    expect(await second.exit).toEqual([0, null]);
    // It goes on where the first was killed; that one's last batch may have been committed untold.
    expect(steps.length).toBeGreaterThanOrEqual(Math.floor(left / BATCH) - 1);
    expect(steps.at(-1)).toBeLessThanOrEqual(left);
    expect(steps).toEqual([...steps].sort((one, other) => one - other));
    const { stored, revealed, captured } = await load.stop();
    expect(stored).toBeGreaterThan(0);
    expect(captured.length).toBeGreaterThan(0);
    expect(revealed).toBeGreaterThan(0);

    // Nothing is left under the old key, and nothing can be put there.
    expect(await countByKey()).toEqual({ [active.id]: RECORDS + stored + captured.length });
    await expect(
      execute(db.url, 'update card_tokens set key_id = $1 where id = $2', [previous.id, ids[0]]),
    ).rejects.toMatchObject({ constraint: 'card_tokens_active_key' });
    await registry.retire(previous.id);
    await registry.destroy(previous.id);
    expect(await keys.provider.has(previous.id)).toBe(false);

    // As a process that starts now sees it.
    const later = testVault(db, await keys.open());
    for (let count = 0; count < SAMPLE; count += 1) await revealOne(later, randomInt(RECORDS));
    for (const { accountId, token } of captured) {
      using card = await later.reveal(accountId, token);
      expect(digitsOf(card.cardNumber)).toBe(VISA);
    }
    await revealOne(later, 0);
    await revealOne(later, RECORDS - 1);
  },
  TIME_LIMIT_MS,
);
