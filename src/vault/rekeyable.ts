import type { KeyPurpose } from './contract.ts';

/**
 * Records that name keys of one purpose. `hushtone keys` counts them before it retires a key and moves them when it
 * rotates one; whoever stores something under the key ring brings one of these.
 */
export interface Rekeyable {
  readonly purpose: KeyPurpose;
  /** What the records are, for progress lines: `card tokens`. */
  readonly records: string;
  /** How many records still name this key, of all accounts. */
  remaining(keyId: string): Promise<number>;
  /**
   * Moves at most `limit` records (1 or more) to the purpose's active key, in one transaction, and resolves with how
   * many: 0 when there is none left, or none that this process can get at. A record that is being read or written
   * meanwhile loses nothing. May be called by several processes at once, and again after a kill.
   */
  moveBatch(limit: number): Promise<number>;
}
