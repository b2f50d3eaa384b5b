// Moves what is stored in card tokens to the active keys, as `hushtone keys rotate` does, in a process of its own that a
// test may kill. Arguments: the database's URL, the folder of the keys, the purpose, records a batch. Tells the parent of
// each batch.
import { appendAudit } from '../../src/audit/store.ts';
import { openDatabase } from '../../src/db/database.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { KeyPurpose } from '../../src/vault/contract.ts';
import { openDevelopmentKeys } from '../../src/vault/keys/development/provider.ts';
import { KeyRegistry } from '../../src/vault/keys/key-registry-store.ts';
import { createKeyRing } from '../../src/vault/keys/key-ring.ts';
import { createKeyStore } from '../../src/vault/keys/key-store.ts';
import { cardTokenRekeyables } from '../../src/vault/tokens/rekey-store.ts';

export interface RotationProgress {
  readonly records: string;
  readonly moved: number;
}

const [url = '', folder = '', purpose = '', batch = '100'] = process.argv.slice(2);

const database = openDatabase({ url, poolSize: 2 });
const provider = await openDevelopmentKeys(folder);
const store = createKeyStore({ database, clock: systemClock, logger: silentLogger });
const keyRing = await createKeyRing({
  providers: [await openDevelopmentKeys(folder)],
  store,
  logger: silentLogger,
});
const registry = new KeyRegistry({
  database,
  providers: [provider],
  rekeyables: cardTokenRekeyables({ database, keyRing, logger: silentLogger }),
  append: appendAudit,
  actor: { kind: 'operator', subject: 'test' },
});
await registry.moveRecords(purpose as KeyPurpose, Number(batch), (progress: RotationProgress) =>
  process.send?.(progress),
);
await keyRing.close();
await provider.close();
await database.close();
process.disconnect?.();
