import { TLSSocket } from 'node:tls';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TokenVerifier } from '../access/access-token.ts';
import { thumbprintOf, type Presented } from '../access/certificate-binding.ts';
import { isAllowed, plainAddress, type AddressBlocks } from '../access/networks.ts';
import { maySeeNumbers, reachOf } from '../access/policy.ts';
import type { Principal } from '../access/principal.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { Reach } from '../kernel/reach.ts';

/** Who is asking, and how far this request may go. */
export interface Caller extends Principal {
  readonly reach: readonly Reach[];
  readonly numbersVisible: boolean;
}

/** What stands between a request and an operation that is not open to everyone. */
export interface AccessRules {
  readonly verifyToken: TokenVerifier;
  /** Lists of blocks that the address must be in, each of them; an empty list allows any. */
  readonly networksOf?: (principal: Principal) => Promise<readonly AddressBlocks[]>;
  /** Rejects with `grant_ended` unless the principal's grant stands at this moment. */
  readonly checkGrant?: (principal: Principal & { readonly grantId: string }) => Promise<void>;
  /** The access token of a request. Default: that of its Authorization header. */
  readonly tokenOf?: (request: FastifyRequest) => Promise<string>;
  /** Counts the request. Throws `rate_limited`. */
  readonly count?: (principal: Principal, reply: FastifyReply) => void;
}

const callers = new WeakMap<FastifyRequest, Caller>();

/** Longer than any token of ours: a longer header is refused before it is parsed. */
const LONGEST_AUTHORIZATION = 4096;

async function bearerToken(request: FastifyRequest): Promise<string> {
  const header = request.headers.authorization;
  const token =
    header !== undefined && header.length <= LONGEST_AUTHORIZATION
      ? /^Bearer (\S+)$/i.exec(header)?.[1]
      : undefined;
  if (token !== undefined) return token;
  throw new HushtoneError(
    'token_missing',
    'unauthenticated',
    'Send an access token as Authorization: Bearer.',
  );
}

/** The certificate of a TLS client, whose key the handshake has proved, whoever signed it. */
export function presentedBy({ raw: { socket } }: FastifyRequest): Presented {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? {} : { certificateThumbprint: thumbprintOf(certificate.raw) };
}

/**
 * The hook of an operation: runs before the body is read, so that a stranger learns nothing from validation. Token,
 * rate, network, grant, role and scope, in this order; the first that does not fit refuses.
 */
export function requireAccess(
  operationId: string,
  scopes: readonly string[],
  rules: AccessRules,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async (request, reply) => {
    const principal: Principal = {
      ...(await rules.verifyToken(await (rules.tokenOf ?? bearerToken)(request), presentedBy(request))),
      address: plainAddress(request.ip),
      requestId: request.id,
    };
    const reach = reachOf(operationId, principal);
    // Kept before anything refuses: the record of a refusal names who asked.
    callers.set(request, { ...principal, reach, numbersVisible: maySeeNumbers(principal) });
    rules.count?.(principal, reply);
    await checkNetwork(rules, principal, request.ip);
    await checkGrant(rules, principal);
    if (reach.length === 0) {
      throw new HushtoneError('role_forbidden', 'forbidden', 'The token has no role that may do this.');
    }
    for (const scope of scopes) {
      if (!principal.scopes.has(scope)) {
        throw new HushtoneError('scope_missing', 'forbidden', `The token needs the scope ${scope}.`);
      }
    }
  };
}

async function checkNetwork(rules: AccessRules, principal: Principal, address: string): Promise<void> {
  const lists = (await rules.networksOf?.(principal)) ?? [];
  if (lists.every((blocks) => isAllowed(address, blocks))) return;
  throw new HushtoneError(
    'address_forbidden',
    'forbidden',
    'The account or the client does not allow this network address.',
  );
}

/** A grant's token is worth nothing without its grant: where none can be looked up, it is refused. */
async function checkGrant({ checkGrant: check }: AccessRules, principal: Principal): Promise<void> {
  const { grantId } = principal;
  if (grantId === undefined) return;
  if (check === undefined) throw grantEnded();
  await check({ ...principal, grantId });
}

function grantEnded(): HushtoneError {
  return new HushtoneError('grant_ended', 'unauthenticated', 'The capture grant has ended.');
}

/** Who is asking. Only for operations behind `requireAccess`. */
export function principalOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined)
    throw new HushtoneError('principal_missing', 'internal', 'the operation has no principal');
  return caller;
}

/** Who was asking, also when the request was refused; undefined when no valid token came with it. */
export function knownCaller(request: FastifyRequest): Caller | undefined {
  return callers.get(request);
}
