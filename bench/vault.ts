import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Pool } from 'pg';
import { appendAudit } from '../src/audit/store.ts';
import { openDatabase, type Database } from '../src/db/database.ts';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { newId } from '../src/kernel/ids.ts';
import { silentLogger } from '../src/kernel/logger.ts';
import { SecretBuffer } from '../src/secrets/secret-buffer.ts';
import type { KeyRing, SealContext } from '../src/vault/contract.ts';
import { openDevelopmentKeys } from '../src/vault/keys/development/provider.ts';
import { KeyRegistry } from '../src/vault/keys/key-registry-store.ts';
import { createKeyRing } from '../src/vault/keys/key-ring.ts';
import { createKeyStore } from '../src/vault/keys/key-store.ts';
import { associatedData } from '../src/vault/sealing/associated-data.ts';
import { ensureAccount } from '../src/workflows/stores/account-store.ts';
import { createCardVault } from '../src/workflows/tokens/card-vault.ts';
import type { CardVault } from '../src/workflows/tokens/contract.ts';

/** Six digits of a BIN of published test numbers; the rest counts. */
const BIN = '424242';
const CARD_NUMBER_BYTES = 16;
const CONNECTIONS = 8;
/** One for each connection: the audit trail is a chain for each account, and its records come one after the other. */
const ACCOUNTS = Array.from({ length: CONNECTIONS }, (_, index) => `bench-${index}`);
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** RFC 3394, 2.2.3.1. */
const WRAP_INITIAL_VALUE = Buffer.alloc(8, 0xa6);
/** Turns of each, ours and the bare one after the other, so that both see the same machine. The first warms up. */
const TURNS = 4;

export interface VaultLoad {
  readonly seals: number;
  readonly tokens: number;
}

/** Operations a second, ours and the bare ones beside them. */
export interface VaultFigures {
  readonly seals: number;
  readonly bareSeals: number;
  readonly opens: number;
  readonly bareOpens: number;
  readonly tokenised: number;
  readonly bareInserts: number;
  /** The same transaction with nothing but its audit record. */
  readonly recordsOnly: number;
  readonly reveals: number;
  /** How many tokens the figures below were measured over. */
  readonly measuredOver: number;
  /** What the heap and the buffers of this process have grown by, bytes a token. */
  readonly processBytesPerToken: number;
  /** Table and indexes. */
  readonly databaseBytesPerToken: number;
}

/** The vault over a PostgreSQL of its own, beside bare node:crypto and a bare insert. */
export async function measureVault(load: VaultLoad): Promise<VaultFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'hushtone-bench-'));
  await chmod(folder, 0o711); // the server's user passes through
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), disposable: true });
  try {
    await migrate(postgres.url);
    const database = openDatabase({ url: postgres.url, poolSize: CONNECTIONS });
    const keyRing = await openKeys(database, join(folder, 'keys'));
    const pool = new Pool({ connectionString: postgres.url, max: CONNECTIONS });
    pool.on('error', () => undefined); // the server may be gone before the last connection is
    try {
      return {
        ...(await measureSealing(keyRing, load.seals)),
        ...(await measureTokens(database, keyRing, pool, load)),
      };
    } finally {
      await pool.end();
      await keyRing.close();
      await database.close();
    }
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function openKeys(database: Database, folder: string): Promise<KeyRing> {
  const provider = await openDevelopmentKeys(folder);
  const registry = new KeyRegistry({
    database,
    providers: [provider],
    rekeyables: [],
    append: appendAudit,
    actor: { kind: 'system' },
  });
  await registry.generate();
  const store = createKeyStore({ database, clock: systemClock, logger: silentLogger });
  return await createKeyRing({ providers: [provider], store, logger: silentLogger });
}

/** Operations a second of each, by turns; the first turn of each does not count. */
async function beside(
  count: number,
  ours: (count: number) => Promise<void>,
  bare: (count: number) => Promise<void>,
): Promise<{ readonly ours: number; readonly bare: number }> {
  const seconds = { ours: 0, bare: 0 };
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const [name, work] of [
      ['bare', bare],
      ['ours', ours],
    ] as const) {
      const startedAt = performance.now();
      await work(count);
      if (turn > 0) seconds[name] += (performance.now() - startedAt) / 1000;
    }
  }
  const counted = count * (TURNS - 1);
  return { ours: counted / seconds.ours, bare: counted / seconds.bare };
}

interface BareSealed {
  readonly wrappedKey: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

function bareSeal(keyEncryptionKey: Buffer, data: Buffer, plain: Buffer): BareSealed {
  const dataKey = randomBytes(KEY_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(data);
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  const wrap = createCipheriv('id-aes256-wrap', keyEncryptionKey, WRAP_INITIAL_VALUE);
  const wrappedKey = Buffer.concat([wrap.update(dataKey), wrap.final()]);
  return { wrappedKey, nonce, ciphertext, tag: cipher.getAuthTag() };
}

function bareOpen(keyEncryptionKey: Buffer, data: Buffer, sealed: BareSealed): Buffer {
  const unwrap = createDecipheriv('id-aes256-wrap', keyEncryptionKey, WRAP_INITIAL_VALUE);
  const dataKey = Buffer.concat([unwrap.update(sealed.wrappedKey), unwrap.final()]);
  const decipher = createDecipheriv('aes-256-gcm', dataKey, sealed.nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(data);
  decipher.setAuthTag(sealed.tag);
  return Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]);
}

/** Bare: the same algorithms over the same bytes and additional data, in plain buffers that nobody wipes. */
async function measureSealing(
  keyRing: KeyRing,
  count: number,
): Promise<Pick<VaultFigures, 'seals' | 'bareSeals' | 'opens' | 'bareOpens'>> {
  using cardNumber = cardNumberOf(0);
  const plain = cardNumber.use((bytes) => Buffer.from(bytes));
  const context: SealContext = {
    accountId: 'bench',
    recordId: newId('tok_card'),
    field: 'card_number',
    version: 1,
  };
  const data = associatedData('card_data', context);
  const keyEncryptionKey = randomBytes(KEY_BYTES);
  const sealing = await beside(
    count,
    async (times) => {
      for (let index = 0; index < times; index += 1) await keyRing.seal('card_data', context, cardNumber);
    },
    async (times) => {
      for (let index = 0; index < times; index += 1) bareSeal(keyEncryptionKey, data, plain);
    },
  );
  const sealed = await keyRing.seal('card_data', context, cardNumber);
  const bareSealed = bareSeal(keyEncryptionKey, data, plain);
  const opening = await beside(
    count,
    async (times) => {
      for (let index = 0; index < times; index += 1) {
        (await keyRing.open('card_data', context, sealed)).wipe();
      }
    },
    async (times) => {
      for (let index = 0; index < times; index += 1) bareOpen(keyEncryptionKey, data, bareSealed);
    },
  );
  return { seals: sealing.ours, bareSeals: sealing.bare, opens: opening.ours, bareOpens: opening.bare };
}

/** Another card for each index. */
function cardNumberOf(index: number): SecretBuffer {
  const secret = new SecretBuffer(CARD_NUMBER_BYTES);
  secret.appendBytes(Buffer.from(`${BIN}${String(index).padStart(CARD_NUMBER_BYTES - BIN.length, '0')}`));
  return secret;
}

interface Stored {
  readonly accountId: string;
  readonly id: string;
}

/** Bare: one row with as many bytes, in a transaction, by its primary key only. */
async function measureTokens(
  database: Database,
  keyRing: KeyRing,
  pool: Pool,
  { tokens }: VaultLoad,
): Promise<Omit<VaultFigures, 'seals' | 'bareSeals' | 'opens' | 'bareOpens'>> {
  for (const account of ACCOUNTS) {
    await database.transaction(account, async (db) => await ensureAccount(db, account));
  }
  await pool.query(
    'create table bare_rows (id text primary key, account_id text not null, sealed bytea not null)',
  );
  const vault = createCardVault({
    database,
    keyRing,
    policy: { binDigits: 6, lookAlike: false },
    clock: systemClock,
  });
  let cards = 0;
  const store = async (accountId: string): Promise<Stored> =>
    await storeCard(database, vault, accountId, (cards += 1));
  const stored: Stored[] = [];
  const each = Math.max(1, Math.floor(tokens / TURNS));
  const storing = await beside(
    each,
    async (count) => await atOnce(count, async (account) => void stored.push(await store(account))),
    async (count) => await atOnce(count, async (account) => await insertBare(pool, account)),
  );
  const recordsOnly = await rateOf(each, async (account) => await recordOnly(database, account));
  const reveals = await rateOf(each, async (_account, index) => {
    const { accountId, id } = stored[index % stored.length] ?? { accountId: '', id: '' };
    (await vault.reveal(accountId, id))[Symbol.dispose]();
  });
  stored.length = 0;

  const before = await heldBytes();
  await atOnce(tokens, async (account) => void (await store(account)));
  const after = await heldBytes();
  const { rows } = await pool.query<{ bytes: string; count: string }>(
    `select pg_total_relation_size('card_tokens') as bytes, (select count(*) from card_tokens) as count`,
  );
  return {
    tokenised: storing.ours,
    bareInserts: storing.bare,
    recordsOnly,
    reveals,
    measuredOver: tokens,
    processBytesPerToken: Math.max(0, after - before) / tokens,
    databaseBytesPerToken: Number(rows[0]?.bytes) / Number(rows[0]?.count),
  };
}

async function storeCard(
  database: Database,
  vault: CardVault,
  accountId: string,
  index: number,
): Promise<Stored> {
  using cardNumber = cardNumberOf(index);
  const prepared = await vault.prepare({ accountId, mode: 'test', cardNumber, brand: 'visa' });
  await database.transaction(accountId, async (db) => await prepared.write(db));
  return { accountId, id: prepared.face.id };
}

async function recordOnly(database: Database, accountId: string): Promise<void> {
  await database.transaction(accountId, async (db) => {
    await appendAudit(db, [
      {
        accountId,
        actor: { kind: 'system' },
        operation: 'card_token.store',
        object: { type: 'card_token', id: newId('tok_card') },
        result: 'done',
      },
    ]);
  });
}

async function insertBare(pool: Pool, accountId: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('insert into bare_rows (id, account_id, sealed) values ($1, $2, $3)', [
      newId('tok_card'),
      accountId,
      randomBytes(NONCE_BYTES + CARD_NUMBER_BYTES + TAG_BYTES + KEY_BYTES + WRAP_INITIAL_VALUE.length),
    ]);
    await client.query('commit');
  } finally {
    client.release();
  }
}

/** `count` runs, as many at once as there are connections, each with an account of its own. */
async function atOnce(
  count: number,
  work: (accountId: string, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    ACCOUNTS.map(async (accountId) => {
      while (next < count) await work(accountId, next++);
    }),
  );
}

/** Runs a second. */
async function rateOf(
  count: number,
  work: (accountId: string, index: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  await atOnce(count, work);
  return count / ((performance.now() - startedAt) / 1000);
}

/** Heap and buffers after a collection. */
async function heldBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
