import { ClientRegistry } from '../access/client-registry-store.ts';
import { appendAudit } from '../audit/store.ts';
import { systemClock } from '../kernel/clock.ts';
import { operator } from './operator.ts';
import { withDatabase } from './with-database.ts';

export async function withRegistry<T>(work: (registry: ClientRegistry) => Promise<T>): Promise<T> {
  return await withDatabase(
    async (database) =>
      await work(
        new ClientRegistry({ database, append: appendAudit, clock: systemClock, operator: operator() }),
      ),
  );
}
