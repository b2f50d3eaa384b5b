/** Decimals where Adyen's table is not ISO 4217's: theirs, and the standard's. */
const DECIMALS: Readonly<Record<string, { readonly adyen: number; readonly iso: number }>> = {
  CLP: { adyen: 2, iso: 0 },
  CVE: { adyen: 0, iso: 2 },
  IDR: { adyen: 0, iso: 2 },
  ISK: { adyen: 2, iso: 0 },
};

/** ISO 4217 minor units, as the ledger has them. */
export function minorUnits(value: number, currency: string): number {
  const { adyen, iso } = DECIMALS[currency] ?? { adyen: 0, iso: 0 };
  return value * 10 ** (iso - adyen);
}
