import type { Config } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Stopper } from './stopper.ts';

/** What every part is started with. A part that runs on adds to `stopper` how it is stopped, as soon as it runs. */
export interface Startup {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopper: Stopper;
}

/** The same, once the database answers and has the schema of this version. */
export interface StartupWithDatabase extends Startup {
  readonly database: Database;
  /** For connections of their own: listeners, queues, locks. */
  readonly databaseUrl: string;
}
