import type { KeyRing } from '../vault/contract.ts';
import { createCardVault } from '../workflows/tokens/card-vault.ts';
import type { CardVault, TokenDesk } from '../workflows/tokens/contract.ts';
import { createTokenDesk } from '../workflows/tokens/desk.ts';
import { startRetention } from '../workflows/tokens/retention.ts';
import type { StartupWithDatabase } from './startup.ts';

/** Cards of accounts that want tokens of their own, kept no longer than they are to be. */
export function startCards(
  { config, database, clock, logger, stopper }: StartupWithDatabase,
  keyRing: KeyRing,
): { readonly vault: CardVault; readonly desk: TokenDesk } {
  const policy = config.cardTokens;
  const retention = startRetention({ database, clock, logger });
  stopper.add('retention of cards', async () => await retention.stop());
  return {
    vault: createCardVault({ database, keyRing, policy, clock }),
    desk: createTokenDesk({ database, clock, retentionDays: policy.retentionDays }),
  };
}
