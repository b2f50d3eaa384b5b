import type { Amount } from './contract.ts';
import { decimalsOf } from './currencies.ts';

/** ISO 8583, field 4: an amount has at most 12 digits. */
const LARGEST_VALUE = 999_999_999_999;

/** `1250` EUR is `12.50`, `1250` JPY is `1250`, `1250` KWD is `1.250`. */
export function toDecimal({ value, currency }: Amount): string {
  const decimals = decimalsOf(currency);
  const digits = String(value).padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/**
 * The amount that a decimal text names, or undefined when it is none: not digits with at most one point, more than 12
 * digits, or more decimals than the currency has, unless those are zeros.
 */
export function fromDecimal(text: string, currency: string): Amount | undefined {
  const [, whole, fraction = ''] = /^(\d{1,12})(?:\.(\d{1,12}))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const decimals = decimalsOf(currency);
  if (!/^0*$/.test(fraction.slice(decimals))) return undefined;
  const value = Number(`${whole}${fraction.slice(0, decimals).padEnd(decimals, '0')}`);
  return value > LARGEST_VALUE ? undefined : { value, currency };
}
