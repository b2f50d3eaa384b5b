import { HushtoneError } from '../kernel/errors.ts';
import { isRole, ROLES } from '../kernel/roles.ts';
import { isAddressBlock, type AddressBlocks } from './networks.ts';
import { isName, SCOPES } from './principal.ts';

/** What a new client is to be. */
export interface ClientRequest {
  readonly accountId: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly networks: AddressBlocks;
  readonly certificateBound: boolean;
  /** A JWK set; without one the client gets a secret. */
  readonly keys?: unknown;
  readonly secretDays: number;
}

export const invalid = (code: string, message: string): HushtoneError =>
  new HushtoneError(code, 'invalid', message);

/** Throws `network_invalid`. */
export function checkNetworks(networks: AddressBlocks): void {
  const wrong = networks.find((block) => !isAddressBlock(block));
  if (wrong !== undefined) throw invalid('network_invalid', `${wrong} is no address or CIDR block`);
}

/** Throws what is wrong with it, but for its keys: `client_name_invalid`, `role_unknown`, `scope_unknown`, … */
export function checkRequest(request: ClientRequest): void {
  if (!isName(request.name) || request.name.length > 100) {
    throw invalid('client_name_invalid', 'a name has 1 to 100 characters and no twelve digits in a row');
  }
  if (request.roles.length === 0 || !request.roles.every(isRole)) {
    throw invalid('role_unknown', `a client has one or more of the roles ${ROLES.join(' ')}`);
  }
  const known: readonly string[] = SCOPES;
  if (request.scopes.length === 0 || !request.scopes.every((scope) => known.includes(scope))) {
    throw invalid('scope_unknown', `a client has one or more of the scopes ${SCOPES.join(' ')}`);
  }
  checkNetworks(request.networks);
}
