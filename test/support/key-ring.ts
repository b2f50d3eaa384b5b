import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendAudit } from '../../src/audit/store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { KeyProvider, KeyRing } from '../../src/vault/contract.ts';
import { openDevelopmentKeys } from '../../src/vault/keys/development/provider.ts';
import { KeyRegistry } from '../../src/vault/keys/key-registry-store.ts';
import { createKeyRing } from '../../src/vault/keys/key-ring.ts';
import { createKeyStore } from '../../src/vault/keys/key-store.ts';
import type { Rekeyable } from '../../src/vault/rekeyable.ts';
import type { TestDatabase } from './database.ts';

export interface TestKeyRing {
  readonly keyRing: KeyRing;
  readonly provider: KeyProvider;
  /** Where the keys are, for a process that a test starts. */
  readonly folder: string;
  /** Rotates, retires and destroys as the commands do; `rekeyables` are what it counts and moves. */
  registry(...rekeyables: Rekeyable[]): KeyRegistry;
  /** Another ring over the same keys, as another process of the installation has it. */
  open(): Promise<KeyRing>;
  /** Closes every ring, and removes the keys when nobody else has them. */
  close(): Promise<void>;
}

/** The keys of each database, for as long as somebody uses them: one installation has one set of keys. */
const folders = new Map<string, { readonly made: Promise<string>; users: number }>();

async function keysOf({ database, url }: Pick<TestDatabase, 'database' | 'url'>): Promise<string> {
  const known = folders.get(url);
  if (known !== undefined) {
    known.users += 1;
    return await known.made;
  }
  const make = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
    const provider = await openDevelopmentKeys(folder);
    await registryOver(database, provider, []).generate();
    await provider.close();
    return folder;
  };
  const made = make();
  folders.set(url, { made, users: 1 });
  return await made;
}

async function giveBack(url: string, folder: string): Promise<void> {
  const known = folders.get(url);
  if (known === undefined) return;
  known.users -= 1;
  if (known.users > 0) return;
  folders.delete(url);
  await rm(folder, { recursive: true, force: true });
}

function registryOver(
  database: TestDatabase['database'],
  provider: KeyProvider,
  rekeyables: readonly Rekeyable[],
): KeyRegistry {
  return new KeyRegistry({
    database,
    providers: [provider],
    rekeyables,
    append: appendAudit,
    actor: { kind: 'operator', subject: 'test' },
  });
}

/** A key ring with an active key of every purpose, in a test database. Whoever asks for the same database shares them. */
export async function createTestKeyRing(db: Pick<TestDatabase, 'database' | 'url'>): Promise<TestKeyRing> {
  const { database, url } = db;
  const folder = await keysOf(db);
  const provider = await openDevelopmentKeys(folder);
  const store = createKeyStore({ database, databaseUrl: url, clock: systemClock, logger: silentLogger });
  const rings: KeyRing[] = [];
  const open = async (): Promise<KeyRing> => {
    const providers = [await openDevelopmentKeys(folder)];
    const ring = await createKeyRing({ providers, store, logger: silentLogger });
    rings.push(ring);
    return ring;
  };
  return {
    keyRing: await open(),
    provider,
    folder,
    registry: (...rekeyables) => registryOver(database, provider, rekeyables),
    open,
    close: async () => {
      for (const ring of rings) await ring.close();
      await provider.close();
      await giveBack(url, folder);
    },
  };
}
