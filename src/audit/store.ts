import type { Queryable } from '../db/database.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { nextLink, type ChainHead, type ChainLink } from './chain.ts';
import type { AuditEntry } from './entry.ts';

/**
 * Writes records of acts, in this order, at the end of the chains of their accounts, inside the caller's transaction:
 * a change and its record are there together or not at all.
 *
 * Call it last in the transaction. It locks the head of each account's chain until the commit, so that two writers
 * come one after the other; whoever locks other rows after it can meet another writer in a deadlock.
 *
 * Rejects with `audit_digits` when an entry would hold a card-like number: the change does not happen either.
 */
export async function appendAudit(db: Queryable, entries: readonly AuditEntry[]): Promise<void> {
  const byAccount = new Map<string, AuditEntry[]>();
  for (const entry of entries) {
    const group = byAccount.get(entry.accountId);
    if (group === undefined) byAccount.set(entry.accountId, [entry]);
    else group.push(entry);
  }
  // Always in the same order, for a transaction of the system over several accounts.
  for (const accountId of [...byAccount.keys()].sort()) {
    await appendToChain(db, accountId, byAccount.get(accountId) ?? []);
  }
}

async function appendToChain(
  db: Queryable,
  accountId: string,
  entries: readonly AuditEntry[],
): Promise<void> {
  const [locked] = await db.query<ChainHead & { readonly now: Date }>(
    'SELECT head_sequence AS sequence, head_hash AS hash, now_at AS now FROM audit_head($1)',
    [accountId],
  );
  if (locked === undefined) throw new HushtoneError('audit_head', 'internal', 'the audit chain has no head');
  const links: ChainLink[] = [];
  let head: ChainHead = locked;
  for (const entry of entries) {
    const link = nextLink(head, entry, locked.now);
    links.push(link);
    head = link;
  }
  await db.query(
    `INSERT INTO audit_records (account_id, sequence, record, hash)
     SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[]) AS link (sequence, record, hash)
     ORDER BY sequence`,
    [
      accountId,
      links.map(({ sequence }) => sequence),
      links.map(({ record }) => record),
      links.map(({ hash }) => hash),
    ],
  );
}
