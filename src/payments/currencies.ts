/**
 * ISO 4217, list one, as of amendment 180 (1 January 2026): every code with a minor unit, by how many decimals that is.
 * Codes without one (gold, units of account, `XTS`, `XXX`) are money that nobody charges. The table that comes with the
 * language has currencies that are out of use, lacks some that are not, and follows another list of decimals, where some
 * have fewer than money is settled in.
 */
const CODES_BY_DECIMALS: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: `
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP
    COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
    JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
    NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
    THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};

const DECIMALS: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES_BY_DECIMALS).flatMap(([decimals, codes]) =>
    codes
      .trim()
      .split(/\s+/)
      .map((code) => [code, Number(decimals)] as const),
  ),
);

/** Of currencies that were taken off the list after a payment was made in them. */
const USUAL_DECIMALS = 2;

/** Every currency that a new payment may be made in. */
export const CURRENCIES: readonly string[] = [...DECIMALS.keys()].toSorted();

/** Whether it is a code of ISO 4217 that is in use, in capitals. */
export function isCurrency(code: string): boolean {
  return DECIMALS.has(code);
}

/** How many decimals the minor unit of a currency is. */
export function decimalsOf(currency: string): number {
  return DECIMALS.get(currency) ?? USUAL_DECIMALS;
}
