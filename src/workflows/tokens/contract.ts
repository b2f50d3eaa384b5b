import type { Queryable } from '../../db/database.ts';
import type { Mode } from '../../payments/kind.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { Actor } from '../contract.ts';

/** What may be shown of a stored card. */
export interface CardFace {
  /** `tok_card_…` */
  readonly id: string;
  readonly mode: Mode;
  readonly brand: string;
  readonly last4: string;
  /** 1 to 12. */
  readonly expiryMonth?: number;
  readonly expiryYear?: number;
  readonly customerReference?: string;
}

/** A stored card for one payment. `using` wipes it. */
export interface RevealedCard extends Disposable {
  readonly face: CardFace;
  readonly cardNumber: SecretBuffer;
  /** MMYY. */
  readonly expiry?: SecretBuffer;
}

export interface NewCardToken {
  readonly accountId: string;
  readonly mode: Mode;
  readonly cardNumber: SecretBuffer;
  /** MMYY. */
  readonly expiry?: SecretBuffer;
  readonly brand: string;
  readonly customerReference?: string;
  readonly captureId?: string;
  /** Who asked for it, for the record; the system when it is left out. */
  readonly actor?: Actor;
}

/** What a stored card is used for, for the record; the system acts when nobody is named. */
export interface CardUse {
  readonly actor?: Actor;
  readonly paymentId?: string;
  readonly captureId?: string;
}

/**
 * The vault, as payments use it. There is no way to hand it a security code or a PIN (PCI DSS 3.3.1): the types have
 * no place for one, and no column either.
 */
export interface CardVault {
  /**
   * Seals the card before the first statement, then writes it with `write` in a transaction of the caller's, together
   * with its audit record. The buffers stay the caller's and may be wiped once `prepare` has resolved. `write` belongs
   * at the end of the transaction, as `appendAudit` does, and may be repeated in another one: it writes once.
   */
  prepare(card: NewCardToken): Promise<{ readonly face: CardFace; write(db: Queryable): Promise<void> }>;
  /** Rejects with `token_not_found`, `token_deleted`, or `token_expired`. */
  face(accountId: string, tokenId: string): Promise<CardFace>;
  /** The card for one payment. Rejects as `face` does, or with `token_unreadable`. */
  reveal(accountId: string, tokenId: string, use?: CardUse): Promise<RevealedCard>;
  /** Crypto-shredding, audited; for a card whose payment was refused. Idempotent. Rejects with `token_not_found`. */
  shred(
    accountId: string,
    tokenId: string,
    reason: 'declined' | 'capture_ended',
    use?: CardUse,
  ): Promise<void>;
}
