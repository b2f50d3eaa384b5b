export type Party = 'caller' | 'agent' | 'gateway' | 'provider';

interface Entry {
  readonly atMs: number;
  readonly party: Party;
  readonly text: string;
}

/** What each party did, heard and saw, in the order of time. Times are `performance.now()` ms. */
export class Timeline {
  readonly #entries: Entry[] = [];

  add(atMs: number, party: Party, text: string): void {
    this.#entries.push({ atMs, party, text });
  }

  /** One line an entry, its time in seconds after the first. */
  render(): string {
    const sorted = [...this.#entries].sort((a, b) => a.atMs - b.atMs);
    const start = sorted[0]?.atMs ?? 0;
    return sorted
      .map(
        ({ atMs, party, text }) =>
          `${((atMs - start) / 1000).toFixed(2).padStart(7)} s  ${party.padEnd(8)}  ${text}`,
      )
      .join('\n');
  }
}
