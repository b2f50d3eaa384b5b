import type { Queryable } from '../../db/database.ts';
import type { RoutingRule } from './routing.ts';

/** In their order. There are never many. */
export async function listRules(db: Queryable, accountId: string): Promise<RoutingRule[]> {
  return await db.query<RoutingRule>(
    `SELECT id, mode, currencies, brands, purposes, amount_from AS "amountFrom", amount_to AS "amountTo", providers
     FROM provider_routing_rules WHERE account_id = $1 ORDER BY position`,
    [accountId],
  );
}

/** All of them, in this order, in the place of those before. */
export async function replaceRules(
  db: Queryable,
  accountId: string,
  rules: readonly RoutingRule[],
  at: Date,
): Promise<void> {
  await db.query('DELETE FROM provider_routing_rules WHERE account_id = $1', [accountId]);
  for (const [position, rule] of rules.entries()) {
    await db.query(
      `INSERT INTO provider_routing_rules
         (id, account_id, position, mode, currencies, brands, purposes, amount_from, amount_to, providers, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        rule.id,
        accountId,
        position,
        rule.mode,
        rule.currencies,
        rule.brands,
        rule.purposes,
        rule.amountFrom,
        rule.amountTo,
        rule.providers,
        at,
      ],
    );
  }
}
