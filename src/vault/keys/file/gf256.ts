/**
 * The field of 256 elements of FIPS 197, 4: polynomials over bits modulo x⁸ + x⁴ + x³ + x + 1. Without tables and
 * without branches on the operands, so that neither time nor cache tells them.
 */
const REDUCTION = 0x1b;

/** FIPS 197, 4.2. */
export function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = a;
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= shifted & -((b >> bit) & 1);
    shifted = ((shifted << 1) ^ (REDUCTION & -(shifted >> 7))) & 0xff;
  }
  return product;
}

/** b²⁵⁴, which is 1/b for every b but 0, and 0 for 0. */
export function invert(b: number): number {
  let result = 1;
  let power = b;
  for (let exponent = 254; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) === 1) result = multiply(result, power);
    power = multiply(power, power);
  }
  return result;
}
