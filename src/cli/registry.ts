import { userInfo } from 'node:os';
import { ClientRegistry } from '../access/client-registry-store.ts';
import { appendAudit } from '../audit/store.ts';
import { systemClock } from '../kernel/clock.ts';
import { withDatabase } from './with-database.ts';

/** Who runs this command, as the operating system knows them; a container may have a user without a name. */
function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

export async function withRegistry<T>(work: (registry: ClientRegistry) => Promise<T>): Promise<T> {
  return await withDatabase(
    async (database) =>
      await work(
        new ClientRegistry({ database, append: appendAudit, clock: systemClock, operator: operator() }),
      ),
  );
}
