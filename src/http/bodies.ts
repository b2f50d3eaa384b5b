import type { FastifyInstance } from 'fastify';
import { HushtoneError } from '../kernel/errors.ts';
import type { Contract } from './contract.ts';
import { CONNECTOR_OPERATION } from './routes/connector.ts';

/** A POST without a body is common (`…/cancel`), and so are clients that still announce JSON with it. */
export function acceptEmptyJson(server: FastifyInstance): void {
  server.removeContentTypeParser('text/plain');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      return done(null, JSON.parse(body as string));
    } catch {
      return done(new HushtoneError('body_not_json', 'invalid', 'The request body is not JSON.'));
    }
  });
}

/**
 * A body schema that is bound to a media type would not be asked when a request names none: one without a body would
 * pass unchecked. The schema of a JSON body applies whatever is named; an operation that takes a form looks at the media
 * type by itself. Where there is no body, Fastify asks the schema about null.
 */
export function checkEveryBody(server: FastifyInstance, contract: Contract): void {
  server.addHook('onRoute', ({ schema }) => {
    const { content } = (schema?.body ?? {}) as { content?: Record<string, { schema: object }> };
    const json = content?.['application/json'];
    if (schema === undefined || json === undefined) return;
    const { operationId = '' } = schema as { operationId?: string };
    if (operationId === CONNECTOR_OPERATION) {
      // It holds a card number, so it is never made a text to be held against a schema: its reader is strict by itself.
      delete schema.body;
      return;
    }
    schema.body = contract.bodyOptional(operationId) ? { ...json.schema, nullable: true } : json.schema;
  });
}
