import type { AuditEntry } from '../../audit/entry.ts';
import type { CardToken } from '../../vault/tokens/card-token-store.ts';
import { auditEntry } from '../audit-entry.ts';
import type { Actor } from '../contract.ts';

type CardTokenOperation = Extract<AuditEntry['operation'], `card_token.${string}`>;

/** The record of an act on a card token; the system's own when nobody asked for it. */
export function cardTokenEntry(
  on: { readonly accountId: string; readonly tokenId: string; readonly actor?: Actor | undefined },
  operation: CardTokenOperation,
  more: Partial<Pick<AuditEntry, 'before' | 'after' | 'result' | 'reason'>> = {},
): AuditEntry {
  const object = { type: 'card_token', id: on.tokenId };
  if (on.actor !== undefined) return auditEntry(on.actor, operation, object, more);
  return {
    accountId: on.accountId,
    actor: { kind: 'system' },
    operation,
    object,
    result: 'done',
    ...more,
  };
}

/** What the trail holds of a token. A look-alike is none of it: a record takes nothing that looks like a card number. */
export function auditedCardToken(
  token: Pick<
    CardToken,
    'mode' | 'brand' | 'last4' | 'expiryMonth' | 'expiryYear' | 'customerReference' | 'expiresAt'
  >,
): NonNullable<AuditEntry['after']> {
  return {
    mode: token.mode,
    brand: token.brand,
    last4: token.last4,
    expiry_month: token.expiryMonth,
    expiry_year: token.expiryYear,
    customer_reference: token.customerReference,
    expires_at: token.expiresAt?.toISOString() ?? null,
  };
}
