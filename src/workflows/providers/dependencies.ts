import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ProviderKind } from '../../payments/kind.ts';
import type { KeyRing } from '../../vault/contract.ts';
import type { Directory } from './directory.ts';

/** What the providers of accounts are configured with. */
export interface ProviderDependencies {
  readonly database: Database;
  readonly ring: KeyRing;
  readonly kinds: readonly ProviderKind[];
  readonly directory: Directory;
  readonly clock: Clock;
}
