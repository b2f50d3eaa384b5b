import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { ProviderDirectory } from '../providers/contract.ts';
import type { CardVault } from '../tokens/contract.ts';
import type { OnPaymentPoint } from './points.ts';
import type { UnwrittenOutcomes } from './unwritten-outcomes.ts';

/** What payments are made with. */
export interface PaymentDependencies {
  readonly database: Database;
  readonly directory: ProviderDirectory;
  /** Absent: nothing is kept in the vault and nothing comes out of it (`vault_not_configured`). */
  readonly vault?: CardVault;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A name that no other running process has. */
  readonly instanceId: string;
  /** How long a provider lets one exchange take; one attempt may need several. */
  readonly providerTimeoutMs: number;
  /** Outcomes that could not be written at once. One for the whole process. */
  readonly unwritten: UnwrittenOutcomes;
  /** For tests only; production has none. */
  readonly onPoint?: OnPaymentPoint;
}
