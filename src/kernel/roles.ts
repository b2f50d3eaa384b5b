/**
 * What a caller of the interface may be. A token carries one or more; what each may do is one table, see `access`.
 *
 * - `integrator`: the account's own software, which starts captures and hands out grants.
 * - `agent`: the person on the call.
 * - `supervisor`: watches the running captures of the account.
 * - `auditor`: reads the audit trail and the evidence, nothing else.
 * - `admin`: looks after clients, networks and webhooks of the account.
 */
export const ROLES = ['integrator', 'agent', 'supervisor', 'auditor', 'admin'] as const;

export type Role = (typeof ROLES)[number];

export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value);
}
