/**
 * How far a permission reaches within the account of the one who asks.
 *
 * - `account`: everything of the account.
 * - `running`: the account's captures that have not ended.
 * - `own`: the calls of the agent whose name is the token's subject, and the captures on them.
 * - `grant`: what the capture grant behind the token allows to start, and the captures that were started with it.
 */
export type Reach = 'account' | 'running' | 'own' | 'grant';
