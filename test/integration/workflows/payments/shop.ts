import { SCOPES } from '../../../../src/access/principal.ts';
import { createLogger, type Logger } from '../../../../src/kernel/logger.ts';
import type { Actor, IdempotencyClaim } from '../../../../src/workflows/contract.ts';
import type { NewPayment, PaymentDesk, PaymentDetails } from '../../../../src/workflows/payments/contract.ts';
import type { PaymentDependencies } from '../../../../src/workflows/payments/dependencies.ts';
import { createPaymentDesk } from '../../../../src/workflows/payments/desk.ts';
import type { ProviderDirectory, RoutedProvider } from '../../../../src/workflows/providers/contract.ts';
import { reconcileOnce } from '../../../../src/workflows/reconcile.ts';
import { ensureAccount } from '../../../../src/workflows/stores/account-store.ts';
import type { CardVault } from '../../../../src/workflows/tokens/contract.ts';
import { newId } from '../../../../src/kernel/ids.ts';
import { execute, type TestDatabase } from '../../../support/database.ts';
import type { TestKeyRing } from '../../../support/key-ring.ts';
import { LedgerProvider } from '../../../support/ledger-provider.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { paymentsWith } from '../../../support/payments.ts';
import { storeCard, testVault } from '../../../support/vault-cards.ts';

export const APPROVED = '4242424242424242';
/** Ends in 12: the ledger declines it. */
export const DECLINED = '4012001037141112';
export const AMOUNT = { value: 4200, currency: 'EUR' } as const;

let shops = 0;

/** An account with stored cards and providers with ledgers. */
export class Shop {
  readonly db: TestDatabase;
  readonly accountId: string;
  readonly actor: Actor;
  readonly clock = new ManualClock();
  readonly vault: CardVault;
  readonly providers: readonly LedgerProvider[];
  readonly logged: string[] = [];
  readonly desk: PaymentDesk;
  readonly #routed: readonly RoutedProvider[];

  private constructor(
    db: TestDatabase,
    accountId: string,
    vault: CardVault,
    providers: readonly LedgerProvider[],
  ) {
    this.db = db;
    this.accountId = accountId;
    this.vault = vault;
    this.providers = providers;
    this.#routed = providers.map((provider) => ({
      id: `prv_${provider.name}`,
      kind: 'ledger',
      mode: 'test',
      provider,
    }));
    this.actor = {
      accountId,
      subject: 'integrator',
      clientId: 'shop',
      roles: ['integrator'],
      scopes: new Set(SCOPES),
      reach: ['account'],
    };
    this.desk = this.open();
  }

  static async start(db: TestDatabase, keys: TestKeyRing, ...names: string[]): Promise<Shop> {
    shops += 1;
    const accountId = `shop-${shops}`;
    await db.database.transaction(accountId, async (tx) => await ensureAccount(tx, accountId));
    const providers = (names.length === 0 ? ['first'] : names).map((name) => new LedgerProvider(name));
    return new Shop(db, accountId, testVault(db, keys.keyRing), providers);
  }

  /** The provider that is asked first. */
  get provider(): LedgerProvider {
    const [first] = this.providers;
    if (first === undefined) throw new Error('the shop has no provider');
    return first;
  }

  get directory(): ProviderDirectory {
    return {
      route: async (accountId, { mode, purpose }) =>
        await Promise.resolve(
          accountId === this.accountId && mode === 'test'
            ? this.#routed.filter(({ provider }) => provider.capabilities.purposes.includes(purpose))
            : [],
        ),
      find: async (accountId, providerId) =>
        await Promise.resolve(
          accountId === this.accountId ? this.#routed.find(({ id }) => id === providerId) : undefined,
        ),
    };
  }

  get logger(): Logger {
    return createLogger('debug', { write: (line: string) => void this.logged.push(line) });
  }

  /** What payments are made with in one process of this shop. */
  dependencies(change: Partial<PaymentDependencies> = {}): PaymentDependencies {
    return paymentsWith({
      database: this.db.database,
      directory: this.directory,
      vault: this.vault,
      clock: this.clock,
      logger: this.logger,
      instanceId: this.accountId,
      ...change,
    });
  }

  /** The desk of another process. */
  open(change: Partial<PaymentDependencies> = {}): PaymentDesk {
    return createPaymentDesk(this.dependencies(change));
  }

  async card(number = APPROVED): Promise<string> {
    return (await storeCard(this.db, this.vault, this.accountId, number)).id;
  }

  async pay(change: Partial<NewPayment> = {}, claim?: IdempotencyClaim): Promise<PaymentDetails> {
    const card = change.provider_token === undefined ? { token: change.token ?? (await this.card()) } : {};
    return await this.desk.create(
      this.actor,
      { purpose: 'charge', amount: AMOUNT, ...card, ...change },
      claim,
    );
  }

  /** A request under an Idempotency-Key; `takenOver`: whoever had it before never answered. */
  claim(takenOver = false, id = newId('idk')): IdempotencyClaim {
    return { accountId: this.accountId, id, claim: newId('clm'), takenOver };
  }

  async get(paymentId: string): Promise<PaymentDetails> {
    return await this.desk.get(this.actor, paymentId);
  }

  /** One round of the reconciler of another process, that much later. */
  async reconcile(afterMs = 0, change: Partial<PaymentDependencies> = {}): Promise<number> {
    this.clock.advance(afterMs);
    return await reconcileOnce(this.dependencies({ instanceId: 'reconciler', ...change }));
  }

  async attempts(paymentId: string): Promise<ShopAttempt[]> {
    return await execute<ShopAttempt>(
      this.db.url,
      `select operation, provider_id as provider, state, failure, idempotency_key as key, amount::int, sends::int,
              octet_length(request_fingerprint) as fingerprint, instance_id as instance
       from payment_attempts where payment_id = $1 order by created_at, state = 'failed' desc`,
      [paymentId],
    );
  }

  /** The events of this account, in order. */
  async told(): Promise<{ type: string; data: { payment: Record<string, unknown>; capture?: unknown } }[]> {
    return await execute(
      this.db.url,
      'select type, data from account_events where account_id = $1 order by sequence',
      [this.accountId],
    );
  }

  async audited(): Promise<{ operation: string; object: string; record: string }[]> {
    return await execute(
      this.db.url,
      `select operation, object_id as object, record from audit_records where account_id = $1 order by sequence`,
      [this.accountId],
    );
  }
}

export interface ShopAttempt {
  readonly operation: string;
  readonly provider: string;
  readonly state: string;
  readonly failure: string | null;
  readonly key: string;
  readonly amount: number | null;
  readonly sends: number;
  readonly fingerprint: number;
  readonly instance: string;
}
