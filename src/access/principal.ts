import type { Role } from '../kernel/roles.ts';

/** What an access token may allow. An operation of openapi.yaml names the one it needs. */
export const SCOPES = [
  'captures:write',
  'captures:read',
  'calls:read',
  'calls:release',
  'evidence:read',
  'audit:read',
  'numbers:read',
  'grants:write',
  'webhooks:read',
  'webhooks:write',
  'events:read',
  'payments:read',
  'payments:write',
  'tokens:read',
  'tokens:write',
  'providers:read',
  'providers:write',
] as const;

export type Scope = (typeof SCOPES)[number];

/** As the database names accounts. */
const ACCOUNT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const LONGEST_NAME = 255;
/** ISO/IEC 7812-1: the shortest card number that is in use. No record takes a name with such a run of digits. */
const CARD_NUMBER_LIKE = /\d{12}/;

export function isAccountId(value: unknown): value is string {
  return typeof value === 'string' && ACCOUNT_ID.test(value);
}

/** Can this be the name of someone who acts, or of a client? */
export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME && !CARD_NUMBER_LIKE.test(value)
  );
}

/** Who is asking: the checked content of an access token. */
export interface Principal {
  readonly accountId: string;
  readonly subject: string;
  readonly clientId: string;
  /** Empty: nothing is allowed. */
  readonly roles: readonly Role[];
  readonly scopes: ReadonlySet<string>;
  /** The capture grant that the token was made for. */
  readonly grantId?: string;
  /** The network address that the request came from, as the listener and its trusted proxies tell it. */
  readonly address?: string;
  readonly requestId?: string;
}
