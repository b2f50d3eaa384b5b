import { appendAudit } from '../../audit/store.ts';
import type { Queryable } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { KeyRing, SealedValue } from '../../vault/contract.ts';
import { cardNumberContext } from '../../vault/tokens/card-seal.ts';
import {
  findCardToken,
  insertCardToken,
  lockCard,
  type CardToken,
  type KeyedFingerprint,
} from '../../vault/tokens/card-token-store.ts';
import { fingerprintMessage, type FingerprintContext } from '../../vault/tokens/fingerprint.ts';
import { lookAlike } from '../../vault/tokens/look-alike.ts';
import type { Actor } from '../contract.ts';
import { auditedCardToken, cardTokenEntry } from './audit.ts';

/** Keys that change, and look-alikes that are taken, more often than this in a row: something else is wrong. */
const MOST_TRIES = 5;

const FIRST_VERSION = 1;

type Fingerprints = readonly [KeyedFingerprint, ...KeyedFingerprint[]];

/** What a new token is, before it has been given what only a key makes. */
export type CardTokenDraft = CardToken & { readonly bin: string; readonly fingerprintId: string };

/** A card under the keys that are active now. The number itself is not needed any more. */
export class PreparedCard {
  readonly #keyRing: KeyRing;
  readonly #actor: Actor | undefined;
  #draft: CardTokenDraft;
  #sealed: SealedValue;
  #fingerprints: Fingerprints;

  private constructor(
    keyRing: KeyRing,
    draft: CardTokenDraft,
    sealed: SealedValue,
    fingerprints: Fingerprints,
    actor: Actor | undefined,
  ) {
    this.#keyRing = keyRing;
    this.#draft = draft;
    this.#sealed = sealed;
    this.#fingerprints = fingerprints;
    this.#actor = actor;
  }

  /** Rejects with `no_active_key`, or with what the key provider says. */
  static async of(
    keyRing: KeyRing,
    draft: CardTokenDraft,
    cardNumber: SecretBuffer,
    actor?: Actor,
  ): Promise<PreparedCard> {
    const context = cardNumberContext(draft.accountId, draft.id, FIRST_VERSION);
    const sealed = await keyRing.seal('card_data', context, cardNumber);
    const fingerprints = await fingerprintsOf(keyRing, draft, cardNumber);
    return new PreparedCard(keyRing, draft, sealed, fingerprints, actor);
  }

  /**
   * Rejects with `token_not_stored` when the keys do not hold still, or the one that it was sealed under is retired. Needs
   * no connection but the transaction's own.
   */
  async write(db: Queryable): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      await lockCard(db, this.#fingerprints[0]);
      const row = { ...this.#draft, sealed: this.#sealed, fingerprints: this.#fingerprints };
      if (await insertCardToken(db, row)) {
        await this.#record(db);
        return;
      }
      // An earlier transaction, whose end nobody heard of, has written it.
      if ((await findCardToken(db, this.#draft.id)) !== undefined) return;
      await this.#protectAnew(db);
      if (this.#draft.lookAlike !== null) {
        this.#draft = { ...this.#draft, lookAlike: lookAlike(this.#draft.last4) };
      }
    }
    throw notStored();
  }

  async #record(db: Queryable): Promise<void> {
    const { accountId, id: tokenId, captureId } = this.#draft;
    const after = { ...auditedCardToken(this.#draft), capture_id: captureId };
    await appendAudit(db, [
      cardTokenEntry({ accountId, tokenId, actor: this.#actor }, 'card_token.store', { after }),
    ]);
  }

  /** Another process may have rotated a key since this one has read their states. */
  async #protectAnew(db: Queryable): Promise<void> {
    if (this.#underActiveKeys()) await this.#keyRing.refresh(db);
    if (this.#underActiveKeys()) return;
    // Told from what is known now: asking the ring for a key that it lacks would take a second connection.
    if (!this.#canBeMoved()) throw notStored();
    const { accountId, id } = this.#draft;
    this.#sealed = await this.#keyRing.rewrap('card_data', this.#sealed);
    const context = cardNumberContext(accountId, id, FIRST_VERSION);
    using cardNumber = await this.#keyRing.open('card_data', context, this.#sealed);
    this.#fingerprints = await fingerprintsOf(this.#keyRing, this.#draft, cardNumber);
  }

  /** Its key still opens, and there are keys to move it to. */
  #canBeMoved(): boolean {
    const keys = this.#keyRing.list();
    const own = keys.find(({ id }) => id === this.#sealed.keyId);
    const active = keys.filter(({ state }) => state === 'active').map(({ purpose }) => purpose);
    return (
      (own?.state === 'active' || own?.state === 'decrypt_only') &&
      active.includes('card_data') &&
      active.includes('fingerprints')
    );
  }

  #underActiveKeys(): boolean {
    const active = this.#keyRing.list().filter(({ state }) => state === 'active');
    return [this.#sealed.keyId, this.#fingerprints[0].keyId].every((used) =>
      active.some(({ id }) => id === used),
    );
  }
}

function notStored(): HushtoneError {
  return new HushtoneError('token_not_stored', 'unavailable', 'the card could not be put into the vault');
}

async function fingerprintsOf(
  keyRing: KeyRing,
  context: FingerprintContext,
  cardNumber: SecretBuffer,
): Promise<Fingerprints> {
  using message = fingerprintMessage(context, cardNumber);
  const [active, ...others] = await keyRing.macs('fingerprints', message);
  if (active !== undefined) return [active, ...others];
  throw new HushtoneError('no_active_key', 'unavailable', 'there is no active key for fingerprints');
}
