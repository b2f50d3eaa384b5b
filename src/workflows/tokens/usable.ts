import { HushtoneError } from '../../kernel/errors.ts';
import type { CardToken } from '../../vault/tokens/card-token-store.ts';
import type { CardFace } from './contract.ts';

/** Whether the token's time is over; the retention job may not have come to it yet. */
export function isExpired({ expiresAt, deletedReason }: CardToken, now: Date): boolean {
  return deletedReason === 'expired' || (expiresAt !== null && expiresAt.getTime() <= now.getTime());
}

/** Throws `token_not_found`, `token_expired` or `token_deleted` unless the card may be used at this moment. */
export function refuseUnusable(token: CardToken | undefined, now: Date): asserts token is CardToken {
  if (token === undefined) throw tokenNotFound();
  if (isExpired(token, now)) {
    throw new HushtoneError('token_expired', 'conflict', 'The time that this card may be kept is over.');
  }
  if (token.deletedAt !== null) {
    throw new HushtoneError('token_deleted', 'conflict', 'This card token is deleted.');
  }
}

export function tokenNotFound(): HushtoneError {
  return new HushtoneError('token_not_found', 'not_found', 'There is no such card token.');
}

export function cardFace(token: CardToken): CardFace {
  return {
    id: token.id,
    mode: token.mode,
    brand: token.brand,
    last4: token.last4,
    ...(token.expiryMonth !== null && { expiryMonth: token.expiryMonth }),
    ...(token.expiryYear !== null && { expiryYear: token.expiryYear }),
    ...(token.customerReference !== null && { customerReference: token.customerReference }),
  };
}
