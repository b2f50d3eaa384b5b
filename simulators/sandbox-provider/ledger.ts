export type SandboxPurpose = 'charge' | 'authorize' | 'tokenize' | 'charge_and_save';
export type SandboxModification = 'capture' | 'void' | 'refund';

/**
 * What became of one payment.
 *
 * It shows the full card number, expiry and security code ON PURPOSE, so that a test can compare what was keyed with
 * what arrived, digit by digit. A real provider never shows them and never keeps a security code. The sandbox is for
 * published test numbers only.
 */
export interface LedgerEntry {
  readonly chargeId: string;
  readonly idempotencyKey: string;
  readonly purpose: SandboxPurpose;
  /** Minor units; absent for `tokenize`. */
  readonly amount?: number;
  readonly currency?: string;
  readonly reference?: string;
  readonly customerReference?: string;
  /** A later charge of a kept card without its holder; otherwise a telephone order. */
  readonly initiatedBy?: 'merchant';
  /** The provider's token that was charged, when no card came. */
  readonly storedToken?: string;
  readonly cardNumber: string;
  readonly expiry?: string;
  readonly securityCode?: string;
  readonly postalCode?: string;
  /** Absent when no PIN block came. */
  readonly pinOk?: boolean;
  readonly result: 'succeeded' | 'declined';
  readonly declineCode?: string;
  readonly authorizationCode?: string;
  readonly token?: string;
  /** ISO 8601. */
  readonly at: string;
  /** How many requests with this key were well-formed: 1, and one more for every replay, mismatch or clash. */
  readonly requests: number;
}

/** What became of one capture, void or refund of a payment. */
export interface ModificationEntry {
  readonly modificationId: string;
  readonly idempotencyKey: string;
  readonly modification: SandboxModification;
  /** The `chargeId` of the payment. */
  readonly chargeId: string;
  /** Minor units of the payment's currency; absent for `void`. */
  readonly amount?: number;
  readonly currency?: string;
  readonly reference?: string;
  readonly result: 'succeeded' | 'declined';
  readonly declineCode?: string;
  /** ISO 8601. */
  readonly at: string;
  readonly requests: number;
}

/** Where the money of one payment is, in minor units: what settled modifications left of it. */
export interface Balance {
  /** 0 when it was declined. */
  readonly authorized: number;
  readonly captured: number;
  readonly refunded: number;
  readonly voided: boolean;
}

/** A card that is kept under a token of the provider's. */
export type StoredCard = Pick<LedgerEntry, 'cardNumber' | 'expiry' | 'postalCode' | 'customerReference'>;

type Settled = Omit<LedgerEntry, 'requests'> | Omit<ModificationEntry, 'requests'>;
type Claim = { readonly fingerprint: string; requests: number; entry?: Settled };

export type AnyEntry = LedgerEntry | ModificationEntry;

export type ClaimResult =
  | { readonly state: 'new' }
  | { readonly state: 'in_flight' | 'mismatch' }
  | { readonly state: 'done'; readonly entry: AnyEntry };

/** One row for each idempotency key, in the order of arrival. Payments and modifications share their keys. */
export class Ledger {
  readonly #claims = new Map<string, Claim>();

  /** Takes the key for this payload, or says why it is taken already. */
  claim(idempotencyKey: string, fingerprint: string): ClaimResult {
    const claim = this.#claims.get(idempotencyKey);
    if (claim === undefined) {
      this.#claims.set(idempotencyKey, { fingerprint, requests: 1 });
      return { state: 'new' };
    }
    claim.requests += 1;
    if (claim.fingerprint !== fingerprint) return { state: 'mismatch' };
    if (claim.entry === undefined) return { state: 'in_flight' };
    return { state: 'done', entry: { ...claim.entry, requests: claim.requests } };
  }

  /** Does nothing when the ledger was cleared in the meantime. */
  settle(entry: Settled): void {
    const claim = this.#claims.get(entry.idempotencyKey);
    if (claim !== undefined) claim.entry = entry;
  }

  find(idempotencyKey: string): AnyEntry | 'in_flight' | undefined {
    const claim = this.#claims.get(idempotencyKey);
    if (claim === undefined) return undefined;
    return claim.entry === undefined ? 'in_flight' : { ...claim.entry, requests: claim.requests };
  }

  /** Settled payments. */
  entries(): LedgerEntry[] {
    return this.#settled().filter((entry): entry is LedgerEntry => !isModification(entry));
  }

  /** Settled captures, voids and refunds. */
  modifications(): ModificationEntry[] {
    return this.#settled().filter(isModification);
  }

  payment(chargeId: string): LedgerEntry | undefined {
    return this.entries().find((entry) => entry.chargeId === chargeId);
  }

  /** The card that the provider keeps under this token; undefined when it gave out no such token. */
  storedCard(token: string): StoredCard | undefined {
    return this.entries().find((entry) => entry.token === token);
  }

  balance(payment: LedgerEntry): Balance {
    const done = this.modifications().filter(
      ({ chargeId, result }) => chargeId === payment.chargeId && result === 'succeeded',
    );
    const sumOf = (kind: SandboxModification): number =>
      done
        .filter(({ modification }) => modification === kind)
        .reduce((sum, { amount = 0 }) => sum + amount, 0);
    const authorized = payment.result === 'succeeded' ? (payment.amount ?? 0) : 0;
    return {
      authorized,
      captured: payment.purpose === 'authorize' ? sumOf('capture') : authorized,
      refunded: sumOf('refund'),
      voided: done.some(({ modification }) => modification === 'void'),
    };
  }

  clear(): void {
    this.#claims.clear();
  }

  #settled(): AnyEntry[] {
    return [...this.#claims.values()].flatMap(({ entry, requests }) =>
      entry === undefined ? [] : [{ ...entry, requests }],
    );
  }
}

export function isModification(entry: AnyEntry): entry is ModificationEntry {
  return 'modification' in entry;
}
