import { appendAudit } from '../../audit/store.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Mode } from '../../payments/kind.ts';
import { insertAttempt, keepAttempt, type Attempt } from '../stores/attempt-store.ts';
import {
  findTokensToShred,
  tokenShredded,
  type PaymentRecord,
  type TokenToShred,
} from '../stores/payment-store.ts';
import type { CardVault } from '../tokens/contract.ts';
import { attemptSettled, attemptWritten } from './audit.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { requestFingerprint } from './fingerprint.ts';

/** What the table of attempts calls our own vault, where it takes the place of a provider. */
const VAULT = 'vault';
/** Cards of refused payments are destroyed so many at a time. */
const PAGE = 100;

/** A card that is sealed and not written yet. */
export type KeptCard = Awaited<ReturnType<CardVault['prepare']>>;

/** A tokenization that no provider takes part in. */
export interface CardToKeep {
  readonly accountId: string;
  readonly captureId: string;
  readonly mode: Mode;
  readonly reference?: string;
  readonly brand?: string;
  readonly last4?: string;
}

/** Keeps a card, with the attempt that says so: both are there or neither. Rejects as the database does. */
export async function keepCard(
  { database, clock, instanceId }: PaymentDependencies,
  asked: CardToKeep,
  card: KeptCard,
): Promise<void> {
  const at = clock.now();
  const attempt: Attempt = {
    ...asked,
    id: newId('att'),
    provider: VAULT,
    providerId: VAULT,
    idempotencyKey: newId('att'),
    operation: 'tokenize',
    fingerprint: requestFingerprint({ operation: 'tokenize', providerId: VAULT }),
    instanceId,
    holder: newId('clm'),
    leaseUntil: at,
    createdAt: at,
  };
  await database.transaction(asked.accountId, async (db) => {
    await insertAttempt(db, attempt);
    await keepAttempt(db, attempt.id, card.face.id, at);
    await card.write(db);
    await appendAudit(db, [
      attemptWritten(attempt),
      attemptSettled(attempt, 'succeeded', undefined, undefined),
    ]);
  });
}

/** Throws `vault_not_configured`. */
export function vaultOf({ vault }: Pick<PaymentDependencies, 'vault'>): CardVault {
  if (vault !== undefined) return vault;
  throw new HushtoneError('vault_not_configured', 'unavailable', 'This gateway has no vault.');
}

/**
 * Destroys the cards that were kept for payments which were refused. What fails is left for the next time. Never
 * rejects.
 */
export async function shredRefused(dependencies: PaymentDependencies): Promise<void> {
  const { database, vault, logger } = dependencies;
  if (vault === undefined) return;
  try {
    let after = '';
    for (;;) {
      const due = await database.systemTransaction(async (db) => await findTokensToShred(db, after, PAGE));
      for (const refused of due) await shred(dependencies, vault, refused);
      if (due.length < PAGE) return;
      after = due.at(-1)?.paymentId ?? '';
    }
  } catch (error) {
    logger.warn('cards of refused payments not looked for', { error });
  }
}

/** The same for one payment, as soon as it is refused. Never rejects. */
export async function shredCardOf(dependencies: PaymentDependencies, payment: PaymentRecord): Promise<void> {
  const { vault } = dependencies;
  const { id: paymentId, accountId, status, tokenToShred: token } = payment;
  if (vault !== undefined && token !== null) {
    await shred(dependencies, vault, { paymentId, accountId, status, token });
  }
}

async function shred(
  { database, logger }: PaymentDependencies,
  vault: CardVault,
  { paymentId, accountId, token, status }: TokenToShred,
): Promise<void> {
  try {
    const reason = status === 'declined' ? 'declined' : 'capture_ended';
    await vault.shred(accountId, token, reason, { paymentId });
    await database.transaction(accountId, async (db) => await tokenShredded(db, paymentId, token));
  } catch (error) {
    logger.warn('the card of a refused payment is not destroyed yet', { accountId, error });
  }
}
