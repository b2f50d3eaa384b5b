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

export type CardTokenStatus = 'active' | 'expired' | 'deleted';

/** 1 to 12, and four digits. */
export interface CardExpiry {
  readonly month: number;
  readonly year: number;
}

/** A card token in openapi.yaml's words (schema `CardToken`). */
export interface CardTokenResource {
  readonly id: string;
  readonly mode: Mode;
  readonly status: CardTokenStatus;
  /** 16 digits that are no card's, where the installation gives them. */
  readonly look_alike?: string;
  readonly brand: string;
  readonly last4: string;
  readonly bin?: string;
  readonly expiry?: CardExpiry;
  /** `fp_…`: the same for every token of this account and mode for the same card. */
  readonly fingerprint?: string;
  readonly customer_reference?: string;
  readonly capture_id?: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly expires_at?: string;
  readonly deleted_at?: string;
  readonly deleted_reason?: 'by_request' | 'expired' | 'declined' | 'capture_ended';
}

export interface CardTokenChanges {
  readonly expiry?: CardExpiry;
  /** Null: none. */
  readonly customer_reference?: string | null;
  /** RFC 3339. */
  readonly expires_at?: string;
}

export interface CardTokenListing {
  readonly customer_reference?: string;
  readonly fingerprint?: string;
  readonly look_alike?: string;
  readonly mode?: Mode;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface CardTokenPage {
  readonly tokens: readonly CardTokenResource[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

/** What an account does with its tokens. Nobody ever gets a number out of here. */
export interface TokenDesk {
  /** Deleted ones too. Rejects with `token_not_found`, as the following do. */
  get(actor: Actor, tokenId: string): Promise<CardTokenResource>;
  /** Those that are not deleted, the newest first. Rejects with `cursor_invalid`. */
  page(actor: Actor, listing: CardTokenListing): Promise<CardTokenPage>;
  /**
   * What is left out stays. Rejects with `token_deleted`, `token_expired`, `expiry_invalid`, `expires_at_invalid`,
   * `time_invalid`, or `customer_reference_like_card`.
   */
  update(actor: Actor, tokenId: string, changes: CardTokenChanges): Promise<CardTokenResource>;
  /** Crypto-shredding. Idempotent. */
  remove(actor: Actor, tokenId: string): Promise<void>;
}
