import type { KeyPurpose } from '../contract.ts';
import type { Rekeyable } from '../rekeyable.ts';
import type { StoredKey } from './key-store.ts';

/** What is stored under a key. */
export interface KeyUse {
  readonly records: string;
  readonly count: number;
}

/** Hears of every batch: how many records of a sort were moved so far. */
export type MoveProgress = (use: { readonly records: string; readonly moved: number }) => void;

/** What is stored under the key: nothing that has a count of 0. */
export async function usesOf(
  rekeyables: readonly Rekeyable[],
  { id, purpose }: Pick<StoredKey, 'id' | 'purpose'>,
): Promise<KeyUse[]> {
  const uses: KeyUse[] = [];
  for (const rekeyable of rekeyables.filter((each) => each.purpose === purpose)) {
    const count = await rekeyable.remaining(id);
    if (count > 0) uses.push({ records: rekeyable.records, count });
  }
  return uses;
}

/** Moves everything of the purpose to its active key, `batch` records a transaction; how many were moved. */
export async function moveAll(
  rekeyables: readonly Rekeyable[],
  purpose: KeyPurpose,
  batch: number,
  progress: MoveProgress,
): Promise<number> {
  let total = 0;
  for (const rekeyable of rekeyables.filter((each) => each.purpose === purpose)) {
    let moved = 0;
    for (;;) {
      const count = await rekeyable.moveBatch(batch);
      if (count === 0) break;
      moved += count;
      progress({ records: rekeyable.records, moved });
    }
    total += moved;
  }
  return total;
}

/** For messages: `3 card tokens and 1 provider credentials`. */
export function wordsOf(uses: readonly KeyUse[]): string {
  return uses.map(({ records, count }) => `${count} ${records}`).join(' and ');
}
