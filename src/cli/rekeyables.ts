import type { Database } from '../db/database.ts';
import type { Logger } from '../kernel/logger.ts';
import type { KeyRing } from '../vault/contract.ts';
import type { Rekeyable } from '../vault/rekeyable.ts';
import { cardTokenRekeyables } from '../vault/tokens/rekey-store.ts';
import { createCredentialsRekeyable } from '../workflows/providers/rekey.ts';

/** Everything that is stored under keys of the ring: a rotation moves it, and a key is kept while any of it names it. */
export function allRekeyables(options: {
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly logger: Logger;
}): Rekeyable[] {
  const { database, keyRing } = options;
  return [...cardTokenRekeyables(options), createCredentialsRekeyable({ database, ring: keyRing })];
}
