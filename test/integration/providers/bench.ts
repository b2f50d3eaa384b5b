import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import type { KeyRing } from '../../../src/vault/contract.ts';
import type { Actor } from '../../../src/workflows/contract.ts';
import type { RoutedProvider } from '../../../src/workflows/providers/contract.ts';
import { Providers } from '../../../src/workflows/providers/desk.ts';
import { Directory } from '../../../src/workflows/providers/directory.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { createTestKind, type TestKind } from '../../support/provider-kind.ts';

/** Gateways of one installation: one database, the keys of one key provider. */
export interface Bench {
  readonly db: TestDatabase;
  readonly keys: TestKeyRing;
  /** Every line that was logged. */
  readonly log: string[];
  /** Another process, with connections of its own. */
  gateway(installed?: RoutedProvider): Promise<Gateway>;
  close(): Promise<void>;
}

export interface Gateway {
  readonly kind: TestKind;
  readonly ring: KeyRing;
  readonly directory: Directory;
  readonly desk: Providers;
}

export const actorOf = (accountId: string): Actor => ({
  accountId,
  subject: 'admin-1',
  clientId: 'console',
  roles: ['admin'],
  scopes: new Set(),
  reach: ['account'],
  numbersVisible: false,
});

export async function createBench(): Promise<Bench> {
  const db = await createTestDatabase({ poolSize: 6 });
  const keys = await createTestKeyRing(db);
  const log: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
  const directories: Directory[] = [];
  return {
    db,
    keys,
    log,
    async gateway(installed) {
      const kind = createTestKind();
      const ring = await keys.open();
      const options = { database: db.database, ring, kinds: [kind] };
      const directory = new Directory({
        ...options,
        dependencies: { clock: systemClock, logger, timeoutMs: 1000 },
        ...(installed && { installed }),
      });
      directories.push(directory);
      return {
        kind,
        ring,
        directory,
        desk: new Providers({ ...options, directory, clock: systemClock }),
      };
    },
    async close() {
      for (const directory of directories) await directory.close();
      await keys.close();
      await db.close();
    },
  };
}
