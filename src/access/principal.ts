/** What an access token may allow. An operation of openapi.yaml names the one it needs. */
export const SCOPES = [
  'captures:write',
  'captures:read',
  'calls:read',
  'calls:release',
  'evidence:read',
] as const;

export type Scope = (typeof SCOPES)[number];

/** Who is asking: the checked content of an access token. */
export interface Principal {
  readonly accountId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scopes: ReadonlySet<string>;
}
