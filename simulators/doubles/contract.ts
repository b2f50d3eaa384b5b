import type { Operation } from '../../src/payments/contract.ts';
import type { Fault } from './faults.ts';

/**
 * One thing that the provider has done, money moved or a card kept or refused.
 *
 * It shows the full card number, expiry and security code ON PURPOSE, so that a test can compare what was sent with what
 * arrived, digit by digit. No real provider shows them. Doubles are for published test numbers only.
 */
export interface LedgerEntry {
  /** The gateway's key of the attempt, however this provider carries it. */
  readonly idempotencyKey: string;
  readonly operation: Operation;
  readonly result: 'succeeded' | 'declined';
  /** The provider's own code of a decline. */
  readonly declineCode?: string;
  /** Minor units; absent for `tokenize`. What was captured or refunded, for a modification that names no amount. */
  readonly amount?: number;
  /** ISO 4217. */
  readonly currency?: string;
  readonly cardNumber?: string;
  /** MMYY. */
  readonly expiry?: string;
  readonly securityCode?: string;
  /** The provider's own name of the payment, or of the card that it keeps. */
  readonly providerReference: string;
}

/** A request that was read to its end, whatever became of it. */
export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** What a fault would name it by. */
  readonly target: string;
}

/** A provider's double, in this process or in its own. */
export interface ProviderDouble {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** PEM: who signs its certificate. */
  readonly ca: string;
  /** In the order in which things were done. */
  ledger(): Promise<readonly LedgerEntry[]>;
  requests(): Promise<readonly SeenRequest[]>;
  /** What goes wrong next; replaces faults that have not struck yet. */
  setFaults(faults: readonly Fault[]): Promise<void>;
  /** Forgets everything, faults included. */
  reset(): Promise<void>;
  /** Drops every connection, also those that hang. */
  close(): Promise<void>;
}
