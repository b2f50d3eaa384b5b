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
  /** Closes every ring and removes the keys. */
  close(): Promise<void>;
}

/** A key ring with an active key of every purpose, in a test database. The keys are in a folder of their own. */
export async function createTestKeyRing({
  database,
  url,
}: Pick<TestDatabase, 'database' | 'url'>): Promise<TestKeyRing> {
  const folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  const provider = await openDevelopmentKeys(folder);
  const registry = (...rekeyables: Rekeyable[]): KeyRegistry =>
    new KeyRegistry({
      database,
      providers: [provider],
      rekeyables,
      append: appendAudit,
      actor: { kind: 'operator', subject: 'test' },
    });
  await registry().generate();
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
    registry,
    open,
    close: async () => {
      for (const ring of rings) await ring.close();
      await provider.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
