import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditDesk, AuditSearch } from '../../workflows/contract.ts';
import { knownCaller, principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';
import { toProblem } from '../problem.ts';

const EXPORT_TYPE = 'application/x-ndjson';

/** What an answer of this status means: someone asked for what is not theirs. */
const REFUSALS = new Set([401, 403, 404]);

/** The operations of the tag `audit`. */
export function auditHandlers(audit: AuditDesk): Handlers {
  return {
    listAuditRecords: async (request) =>
      await audit.search(principalOf(request), request.query as AuditSearch),
    exportAuditRecords: async (request, reply) => await exportRecords(audit, request, reply),
  };
}

async function exportRecords(
  audit: AuditDesk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  reply.type(EXPORT_TYPE).header('content-disposition', 'attachment; filename="audit.ndjson"');
  if (request.method === 'HEAD') return await reply.send();
  const lines = await audit.export(principalOf(request), request.query as AuditSearch);
  return Readable.from(lines, { objectMode: false });
}

/**
 * Records that an operation was refused to someone whose token is valid: by role, scope, network or grant, or because
 * the object is not in their reach. Without a valid token nobody is known, and a log line is all that there is.
 */
export async function recordRefusal(
  audit: AuditDesk,
  operationId: string,
  request: FastifyRequest,
  error: unknown,
): Promise<void> {
  const caller = knownCaller(request);
  if (caller === undefined) return;
  const { status, code } = toProblem(error, request.id);
  if (!REFUSALS.has(status)) return;
  await audit.refused(caller, { operationId, object: objectOf(operationId, request), reason: code });
}

/** The object in the path, `/v1/captures/{capture_id}`; without one, the operation. */
function objectOf(operationId: string, request: FastifyRequest): { type: string; id: string } {
  for (const [name, id] of Object.entries((request.params ?? {}) as Record<string, string>)) {
    if (name.endsWith('_id')) return { type: name.slice(0, -'_id'.length), id: id.slice(0, 64) };
  }
  return { type: 'operation', id: operationId };
}
