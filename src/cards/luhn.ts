import { digitOf } from './digits.ts';

/**
 * Does the last digit check the others? ISO/IEC 7812-1 annex B (Luhn): from the right, every second digit is doubled
 * and its digits are summed; the total is a multiple of ten. `bytes` are ASCII digits; false for anything else, and
 * for fewer than two, since there is then nothing to check.
 */
export function passesLuhn(bytes: Uint8Array): boolean {
  if (bytes.length < 2) return false;
  let total = 0;
  for (let fromRight = 0; fromRight < bytes.length; fromRight += 1) {
    const digit = digitOf(bytes[bytes.length - 1 - fromRight]);
    if (digit === undefined) return false;
    const weighted = fromRight % 2 === 0 ? digit : digit * 2;
    total += weighted > 9 ? weighted - 9 : weighted;
  }
  return total % 10 === 0;
}
