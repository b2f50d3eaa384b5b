import type { FastifyRequest } from 'fastify';
import type { TokenVerifier } from '../access/access-token.ts';
import type { Principal } from '../access/principal.ts';
import { HushtoneError } from '../kernel/errors.ts';

const principals = new WeakMap<FastifyRequest, Principal>();

/** Longer than any token of ours: a longer header is refused before it is parsed. */
const LONGEST_AUTHORIZATION = 4096;

/** The hook of an operation: runs before the body is read, so that a stranger learns nothing from validation. */
export function requireScopes(
  scopes: readonly string[],
  verify: TokenVerifier,
): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const header = request.headers.authorization;
    const token =
      header !== undefined && header.length <= LONGEST_AUTHORIZATION
        ? /^Bearer (\S+)$/i.exec(header)?.[1]
        : undefined;
    if (token === undefined) {
      throw new HushtoneError(
        'token_missing',
        'unauthenticated',
        'Send an access token as Authorization: Bearer.',
      );
    }
    const principal = await verify(token);
    for (const scope of scopes) {
      if (!principal.scopes.has(scope)) {
        throw new HushtoneError('scope_missing', 'forbidden', `The token needs the scope ${scope}.`);
      }
    }
    principals.set(request, { ...principal, address: request.ip, requestId: request.id });
  };
}

/** Who is asking. Only for operations behind `requireScopes`. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  if (principal === undefined)
    throw new HushtoneError('principal_missing', 'internal', 'the operation has no principal');
  return principal;
}
