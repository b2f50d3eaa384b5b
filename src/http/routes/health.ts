import type { HealthReport } from '../../workflows/contract.ts';
import type { Handlers } from '../handlers.ts';

/** The operations of the tag `health`: the process is alive when it answers, ready when all it needs answers. */
export function healthHandlers(readiness: () => Promise<HealthReport>): Handlers {
  return {
    getLiveness: async () => ({ status: 'ok', checks: {} }),
    async getReadiness(_request, reply) {
      const report = await readiness();
      if (report.status !== 'ok') reply.code(503);
      return report;
    },
  };
}
