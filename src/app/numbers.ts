import { createEarlierNumbers } from '../workflows/earlier-numbers.ts';
import { createNumbers, type Numbers } from '../workflows/numbers.ts';
import type { KeyRing } from '../vault/contract.ts';
import type { Startup } from './startup.ts';

/** Telephone numbers as they are stored: sealed by the key ring, and before that by a key of their own. */
export function numbersOf({ config, logger }: Startup, keyRing: KeyRing): Numbers {
  const { key, country } = config.numbers;
  return createNumbers({
    keyRing,
    ...(key !== undefined && { earlier: createEarlierNumbers(key) }),
    logger,
    ...(country !== undefined && { country }),
  });
}
