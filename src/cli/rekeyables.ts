import type { Rekeyable } from '../vault/rekeyable.ts';
import { cardTokenRekeyables } from '../vault/tokens/rekey-store.ts';
import { createNumbersRekeyable, type NumbersRekeyOptions } from '../workflows/numbers-rekey.ts';
import { createCredentialsRekeyable } from '../workflows/providers/rekey.ts';

/** Everything that is stored under keys of the ring: a rotation moves it, and a key is kept while any of it names it. */
export function allRekeyables(options: NumbersRekeyOptions): Rekeyable[] {
  const { database, keyRing, logger } = options;
  return [
    ...cardTokenRekeyables(options),
    createCredentialsRekeyable({ database, ring: keyRing, logger }),
    createNumbersRekeyable(options),
  ];
}
