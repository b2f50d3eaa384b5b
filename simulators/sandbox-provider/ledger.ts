export type SandboxPurpose = 'charge' | 'authorize' | 'tokenize' | 'charge_and_save';

/**
 * What became of one idempotency key.
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

type Claim = { readonly fingerprint: string; requests: number; entry?: Omit<LedgerEntry, 'requests'> };

export type ClaimResult =
  | { readonly state: 'new' }
  | { readonly state: 'in_flight' | 'mismatch' }
  | { readonly state: 'done'; readonly entry: LedgerEntry };

/** One row for each idempotency key, in the order of arrival. */
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
  settle(entry: Omit<LedgerEntry, 'requests'>): void {
    const claim = this.#claims.get(entry.idempotencyKey);
    if (claim !== undefined) claim.entry = entry;
  }

  find(idempotencyKey: string): LedgerEntry | 'in_flight' | undefined {
    const claim = this.#claims.get(idempotencyKey);
    if (claim === undefined) return undefined;
    return claim.entry === undefined ? 'in_flight' : { ...claim.entry, requests: claim.requests };
  }

  /** Settled rows. */
  entries(): LedgerEntry[] {
    return [...this.#claims.values()].flatMap(({ entry, requests }) =>
      entry === undefined ? [] : [{ ...entry, requests }],
    );
  }

  clear(): void {
    this.#claims.clear();
  }
}
