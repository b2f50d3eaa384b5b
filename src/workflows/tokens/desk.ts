import type { AuditEntry } from '../../audit/entry.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import {
  findCardToken,
  listCardTokens,
  lockCardToken,
  shredCardToken,
  updateCardToken,
  type CardTokenFilter,
  type CardTokenPosition,
} from '../../vault/tokens/card-token-store.ts';
import type { Actor } from '../contract.ts';
import { auditedCardToken, cardTokenEntry } from './audit.ts';
import { changedCardToken } from './changes.ts';
import type {
  CardTokenChanges,
  CardTokenListing,
  CardTokenPage,
  CardTokenResource,
  TokenDesk,
} from './contract.ts';
import { cardTokenResource } from './resource.ts';
import { refuseUnusable, tokenNotFound } from './usable.ts';

const DEFAULT_PAGE = 50;

export interface TokenDeskOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** The longest that a card may be kept from now on. */
  readonly retentionDays?: number;
}

export function createTokenDesk(options: TokenDeskOptions): TokenDesk {
  return new StoredTokenDesk(options);
}

type Audited = NonNullable<AuditEntry['after']>;

class StoredTokenDesk implements TokenDesk {
  readonly #options: TokenDeskOptions;

  constructor(options: TokenDeskOptions) {
    this.#options = options;
  }

  async get({ accountId }: Actor, tokenId: string): Promise<CardTokenResource> {
    const { database, clock } = this.#options;
    const token = await database.transaction(accountId, async (db) => await findCardToken(db, tokenId));
    if (token === undefined) throw tokenNotFound();
    return cardTokenResource(token, clock.now());
  }

  async page({ accountId }: Actor, listing: CardTokenListing): Promise<CardTokenPage> {
    const { database, clock } = this.#options;
    const { cursor, limit = DEFAULT_PAGE } = listing;
    const after = cursor === undefined ? undefined : positionOf(cursor);
    const found = await database.transaction(
      accountId,
      async (db) =>
        await listCardTokens(db, accountId, filterOf(listing), {
          ...(after && { after }),
          // One more than asked for tells whether there is a next page.
          limit: limit + 1,
        }),
    );
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const now = clock.now();
    return {
      tokens: shown.map((token) => cardTokenResource(token, now)),
      ...(last && { next_cursor: encodeCursor([last.createdAt.toISOString(), last.id]) }),
    };
  }

  async update(actor: Actor, tokenId: string, changes: CardTokenChanges): Promise<CardTokenResource> {
    const { database, clock, retentionDays } = this.#options;
    const now = clock.now();
    return await database.transaction(actor.accountId, async (db) => {
      const before = await lockCardToken(db, tokenId);
      refuseUnusable(before, now);
      const after = changedCardToken(before, changes, now, retentionDays);
      const difference = differenceOf(auditedCardToken(before), auditedCardToken(after));
      if (difference === undefined) return cardTokenResource(before, now);
      await updateCardToken(db, after);
      const on = { accountId: actor.accountId, tokenId, actor };
      await appendAudit(db, [cardTokenEntry(on, 'card_token.update', difference)]);
      return cardTokenResource(after, now);
    });
  }

  async remove(actor: Actor, tokenId: string): Promise<void> {
    const { database, clock } = this.#options;
    await database.transaction(actor.accountId, async (db) => {
      const before = await lockCardToken(db, tokenId);
      if (before === undefined) throw tokenNotFound();
      if (!(await shredCardToken(db, tokenId, 'by_request', clock.now()))) return;
      const on = { accountId: actor.accountId, tokenId, actor };
      const more = { before: auditedCardToken(before), reason: 'by_request' };
      await appendAudit(db, [cardTokenEntry(on, 'card_token.delete', more)]);
    });
  }
}

/** The members that differ; undefined when none does. */
function differenceOf(
  before: Audited,
  after: Audited,
): { readonly before: Audited; readonly after: Audited } | undefined {
  const names = Object.keys(after).filter((name) => before[name] !== after[name]);
  if (names.length === 0) return undefined;
  const pick = (members: Audited): Audited =>
    Object.fromEntries(names.map((name) => [name, members[name] ?? null]));
  return { before: pick(before), after: pick(after) };
}

function filterOf({
  customer_reference: customerReference,
  fingerprint: fingerprintId,
  look_alike: lookAlike,
  mode,
}: CardTokenListing): CardTokenFilter {
  return {
    ...(customerReference !== undefined && { customerReference }),
    ...(fingerprintId !== undefined && { fingerprintId }),
    ...(lookAlike !== undefined && { lookAlike }),
    ...(mode !== undefined && { mode }),
  };
}

function positionOf(cursor: string): CardTokenPosition {
  const [createdAt, tokenId] = decodeCursor(
    cursor,
    (value): value is readonly [string, string] =>
      value.length === 2 &&
      typeof value[0] === 'string' &&
      !Number.isNaN(Date.parse(value[0])) &&
      typeof value[1] === 'string' &&
      /^tok_card_[0-9a-z]{26}$/.test(value[1]),
  );
  return { createdAt: new Date(createdAt), tokenId };
}
