import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HushtoneError } from '../kernel/errors.ts';

export const FORM_TYPE = 'application/x-www-form-urlencoded';

/**
 * The parameters of a form. One without a value counts as left out, and none may come twice (RFC 6749 section 3.2).
 * Throws `parameter_repeated`.
 */
export function readForm(body: string): Record<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (parameters.has(name)) {
      throw new HushtoneError('parameter_repeated', 'invalid', 'A parameter comes more than once.');
    }
    parameters.set(name, value);
  }
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''));
}

/**
 * Lets the routes at `paths` take forms, and no other: a form is what a page elsewhere can send without being asked
 * for permission.
 */
export function acceptForms(server: FastifyInstance, paths: readonly string[]): void {
  const isAccepted = (request: FastifyRequest): boolean => paths.includes(request.routeOptions.url ?? '');
  server.addContentTypeParser(FORM_TYPE, { parseAs: 'string' }, (request, body, done) => {
    if (!isAccepted(request)) {
      done(Object.assign(new Error('no form is taken here'), { statusCode: 415 }));
      return;
    }
    try {
      done(null, readForm(body as string));
    } catch (error) {
      done(error as Error);
    }
  });
}
