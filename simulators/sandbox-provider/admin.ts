import { askAdmin } from '../doubles/loopback.ts';
import type { SeenRequest } from './api-listener.ts';
import type { Fault, FaultRates } from './faults.ts';
import type { LedgerEntry, ModificationEntry } from './ledger.ts';

/** A test's view of a running sandbox provider. Every method rejects when the provider refuses or is gone. */
export class SandboxAdmin {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Payments that were processed, in the order of arrival, with their full card numbers. */
  async ledger(): Promise<LedgerEntry[]> {
    const { entries } = JSON.parse(await this.#send('GET', '/admin/ledger')) as { entries: LedgerEntry[] };
    return entries;
  }

  /** Captures, voids and refunds that were processed, in the order of arrival. */
  async modifications(): Promise<ModificationEntry[]> {
    const answer = await this.#send('GET', '/admin/modifications');
    return (JSON.parse(answer) as { entries: ModificationEntry[] }).entries;
  }

  /** Requests that were read to their end since the last reset. */
  async requests(): Promise<SeenRequest[]> {
    return (JSON.parse(await this.#send('GET', '/admin/requests')) as { requests: SeenRequest[] }).requests;
  }

  /** What goes wrong next; replaces faults that have not struck yet. */
  async setFaults(faults: readonly Fault[]): Promise<void> {
    await this.#send('POST', '/admin/faults', { faults });
  }

  /** What goes wrong by chance from now on, whenever nothing else does; no rates: nothing. */
  async setFaultRates(rates: FaultRates): Promise<void> {
    await this.#send('POST', '/admin/faults/rates', rates);
  }

  /** How many requests faults have struck, by `target kind`. */
  async struck(): Promise<Record<string, number>> {
    const answer = await this.#send('GET', '/admin/faults/struck');
    return (JSON.parse(answer) as { struck: Record<string, number> }).struck;
  }

  /** Makes a new envelope key; envelopes sealed to an earlier one are refused from now on. */
  async rotateKey(): Promise<void> {
    await this.#send('POST', '/admin/keys/rotate');
  }

  /** Forgets every payment, every request and every pending fault. */
  async reset(): Promise<void> {
    await this.#send('DELETE', '/admin/ledger');
    await this.setFaults([]);
  }

  #send(method: string, path: string, body?: unknown): Promise<string> {
    return askAdmin(new URL(path, this.#url), this.#token, method, body);
  }
}
