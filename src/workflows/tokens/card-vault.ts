import { appendAudit } from '../../audit/store.ts';
import { brandOf } from '../../cards/brands.ts';
import { expiryDate } from '../../cards/expiry.ts';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { KeyRing } from '../../vault/contract.ts';
import { cardNumberContext } from '../../vault/tokens/card-seal.ts';
import {
  findCardToken,
  findSealedCardToken,
  shredCardToken,
  type SealedCardToken,
} from '../../vault/tokens/card-token-store.ts';
import { lookAlike } from '../../vault/tokens/look-alike.ts';
import { truncate, type BinDigits } from '../../vault/tokens/truncation.ts';
import { cardTokenEntry } from './audit.ts';
import { expiryBytes } from './changes.ts';
import type { CardExpiry, CardFace, CardUse, CardVault, NewCardToken, RevealedCard } from './contract.ts';
import { PreparedCard, type CardTokenDraft } from './prepared-card.ts';
import { cardFace, refuseUnusable, tokenNotFound } from './usable.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A card may be moved to another key, and that key's predecessor be retired, between two looks at it: so often at most. */
const MOST_LOOKS = 3;

/** What an installation wants of its tokens. */
export interface TokenPolicy {
  /** How much of the front of a number is shown: see `truncate`. */
  readonly binDigits: BinDigits;
  /** Give every token a text of 16 digits too. */
  readonly lookAlike: boolean;
  /** A card is kept this long unless the account says otherwise; undefined: until it is deleted. */
  readonly retentionDays?: number;
}

export interface CardVaultOptions {
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly policy: TokenPolicy;
  readonly clock: Clock;
}

/** Cards in the database, sealed by the key ring. Keeps nothing of a card, or of a token, in memory. */
export function createCardVault(options: CardVaultOptions): CardVault {
  return new StoredCardVault(options);
}

class StoredCardVault implements CardVault {
  readonly #options: CardVaultOptions;

  constructor(options: CardVaultOptions) {
    this.#options = options;
  }

  async prepare(card: NewCardToken): ReturnType<CardVault['prepare']> {
    const draft = this.#draft(card);
    const prepared = await PreparedCard.of(this.#options.keyRing, draft, card.cardNumber, card.actor);
    return { face: cardFace(draft), write: async (db) => await prepared.write(db) };
  }

  async face(accountId: string, tokenId: string): Promise<CardFace> {
    const { database, clock } = this.#options;
    const token = await database.transaction(accountId, async (db) => await findCardToken(db, tokenId));
    refuseUnusable(token, clock.now());
    return cardFace(token);
  }

  async reveal(accountId: string, tokenId: string, use: CardUse = {}): Promise<RevealedCard> {
    const { database, clock } = this.#options;
    const opened = await this.#open(accountId, tokenId, use);
    try {
      await database.transaction(accountId, async (db) => {
        // Who has deleted it meanwhile was told that nobody can use it any more.
        refuseUnusable(await findCardToken(db, tokenId), clock.now());
        await appendAudit(db, [revealEntry(accountId, tokenId, use)]);
      });
      return revealedCard(opened.token, opened.cardNumber);
    } catch (error) {
      opened.cardNumber.wipe();
      throw error;
    }
  }

  async shred(
    accountId: string,
    tokenId: string,
    reason: 'declined' | 'capture_ended',
    use: CardUse = {},
  ): Promise<void> {
    const { database, clock } = this.#options;
    await database.transaction(accountId, async (db) => {
      if (await shredCardToken(db, tokenId, reason, clock.now())) {
        const on = { accountId, tokenId, actor: use.actor };
        await appendAudit(db, [cardTokenEntry(on, 'card_token.delete', { reason })]);
      } else if ((await findCardToken(db, tokenId)) === undefined) throw tokenNotFound();
    });
  }

  #draft(card: NewCardToken): CardTokenDraft {
    const { clock, policy } = this.#options;
    const now = clock.now();
    const { bin, last4 } = truncate(card.cardNumber, policy.binDigits);
    if (card.cardNumber.use(brandOf) !== card.brand) {
      throw new HushtoneError('brand_mismatch', 'internal', 'the brand is not that of the card number');
    }
    const expiry = card.expiry?.use((bytes) => expiryDate(bytes, now));
    const { retentionDays } = policy;
    return {
      id: newId('tok_card'),
      accountId: card.accountId,
      mode: card.mode,
      lookAlike: policy.lookAlike ? lookAlike(last4) : null,
      customerReference: card.customerReference ?? null,
      brand: card.brand,
      last4,
      bin,
      expiryMonth: expiry?.month ?? null,
      expiryYear: expiry?.year ?? null,
      fingerprintId: newId('fp'),
      captureId: card.captureId ?? null,
      createdAt: now,
      updatedAt: now,
      expiresAt: retentionDays === undefined ? null : new Date(now.getTime() + retentionDays * DAY_MS),
      deletedAt: null,
      deletedReason: null,
    };
  }

  async #open(
    accountId: string,
    tokenId: string,
    use: CardUse,
  ): Promise<{ readonly token: SealedCardToken; readonly cardNumber: SecretBuffer }> {
    const { database, keyRing, clock } = this.#options;
    for (let looks = 1; ; looks += 1) {
      const token = await database.transaction(
        accountId,
        async (db) => await findSealedCardToken(db, tokenId),
      );
      refuseUnusable(token, clock.now());
      try {
        const context = cardNumberContext(accountId, tokenId, token.version);
        return { token, cardNumber: await keyRing.open('card_data', context, sealedOf(token)) };
      } catch (error) {
        const code = error instanceof HushtoneError ? error.code : undefined;
        if (code === 'key_unusable' && looks < MOST_LOOKS) continue;
        if (code !== 'key_unusable' && code !== 'sealed_value_invalid') throw error;
        await database.transaction(accountId, async (db) => {
          const failed = { result: 'failed', reason: 'token_unreadable' } as const;
          await appendAudit(db, [{ ...revealEntry(accountId, tokenId, use), ...failed }]);
        });
        throw new HushtoneError('token_unreadable', 'internal', 'a stored card does not open', {
          cause: error,
        });
      }
    }
  }
}

function sealedOf(token: SealedCardToken): NonNullable<SealedCardToken['sealed']> {
  if (token.sealed !== undefined) return token.sealed;
  throw new HushtoneError('sealed_value_invalid', 'internal', 'a card token has no sealed number');
}

function revealEntry(accountId: string, tokenId: string, use: CardUse) {
  return cardTokenEntry({ accountId, tokenId, actor: use.actor }, 'card_token.reveal', {
    after: { payment_id: use.paymentId, capture_id: use.captureId },
  });
}

/** ASCII MMYY, as a caller would have keyed it. */
function expirySecret(expiry: CardExpiry): SecretBuffer {
  const digits = expiryBytes(expiry);
  const secret = new SecretBuffer(digits.length);
  secret.appendBytes(digits);
  return secret;
}

function revealedCard(token: SealedCardToken, cardNumber: SecretBuffer): RevealedCard {
  const { expiryMonth: month, expiryYear: year } = token;
  const expiry = month === null || year === null ? undefined : expirySecret({ month, year });
  return {
    face: cardFace(token),
    cardNumber,
    ...(expiry && { expiry }),
    [Symbol.dispose]: () => {
      cardNumber.wipe();
      expiry?.wipe();
    },
  };
}
