import type { Clock } from '../kernel/clock.ts';
import { issueToken, type TokenIssuer } from './access-token.ts';

/** All that a grant's token may be used for; the grant itself narrows it to its captures. */
const GRANT_SCOPES = ['captures:write', 'captures:read'] as const;

export interface GrantTokenRequest {
  readonly id: string;
  readonly accountId: string;
  readonly agentId: string;
  /** The client that asked for the grant. */
  readonly clientId: string;
  readonly lifetimeSeconds: number;
}

/** An access token for the agent of a capture grant. It is worth nothing once the grant has ended. */
export async function issueGrantToken(
  issuer: TokenIssuer,
  grant: GrantTokenRequest,
  clock: Clock,
): Promise<string> {
  return await issueToken(
    issuer,
    {
      accountId: grant.accountId,
      subject: grant.agentId,
      clientId: grant.clientId,
      roles: ['agent'],
      scopes: GRANT_SCOPES,
      lifetimeSeconds: grant.lifetimeSeconds,
      grantId: grant.id,
    },
    clock,
  );
}
