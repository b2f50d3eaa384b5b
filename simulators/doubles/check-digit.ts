/** ISO/IEC 7812-1 annex B, on its own so that it checks the gateway's. */
export function hasCheckDigit(cardNumber: string): boolean {
  const sum = Array.from(cardNumber)
    .toReversed()
    .map((digit, index) => Number(digit) * (index % 2 === 0 ? 1 : 2))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return sum % 10 === 0;
}
