import { HushtoneError } from '../../../kernel/errors.ts';
import { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { randomSecret } from '../../sealing/random-secret.ts';
import { invert, multiply } from './gf256.ts';

/** Adi Shamir, How to Share a Secret (1979), byte by byte over GF(256): any `threshold` of the shares give the secret. */
export interface Share {
  /** 1 to 255: where the polynomials were evaluated. At 0 they have the secret. */
  readonly index: number;
  /** As long as the secret. */
  readonly value: SecretBuffer;
}

/** The number of elements of the field, without 0. */
export const MOST_SHARES = 255;
/** With one share there would be nothing split. */
export const FEWEST_NEEDED = 2;

/** Throws `shares_invalid` unless 2 ≤ threshold ≤ count ≤ 255. The caller wipes the shares. */
export function splitSecret(secret: SecretBuffer, threshold: number, count: number): Share[] {
  const numbers = Number.isInteger(threshold) && Number.isInteger(count);
  if (!numbers || threshold < FEWEST_NEEDED || threshold > count || count > MOST_SHARES) {
    throw new HushtoneError(
      'shares_invalid',
      'invalid',
      `a secret is split into ${FEWEST_NEEDED} to ${MOST_SHARES} shares, of which ${FEWEST_NEEDED} or more, up to all, are needed`,
    );
  }
  // Of each byte's polynomial the coefficients from the first power on; the one of power 0 is the secret's byte.
  const coefficients = Array.from({ length: threshold - 1 }, () => randomSecret(secret.length));
  try {
    return Array.from({ length: count }, (_, place) => ({
      index: place + 1,
      value: evaluate([secret, ...coefficients], place + 1),
    }));
  } finally {
    for (const coefficient of coefficients) coefficient.wipe();
  }
}

/** Horner's rule for every byte. */
function evaluate(coefficients: readonly SecretBuffer[], x: number): SecretBuffer {
  const length = coefficients[0]?.length ?? 0;
  const value = new SecretBuffer(length);
  for (let place = 0; place < length; place += 1) {
    let y = 0;
    for (const coefficient of coefficients.toReversed()) {
      y = multiply(y, x) ^ coefficient.use((bytes) => bytes[place] ?? 0);
    }
    value.append(y);
  }
  return value;
}

/**
 * What the polynomials through these shares have at `x`: the secret at 0. The shares must have different indexes and
 * one length; with fewer than were needed the result is no better than random.
 */
export function interpolate(shares: readonly Share[], x = 0): SecretBuffer {
  // The Lagrange basis depends on the indexes only, which are no secret.
  const basis = shares.map(({ index }) =>
    shares
      .filter((other) => other.index !== index)
      .reduce(
        (product, other) => multiply(product, multiply(x ^ other.index, invert(index ^ other.index))),
        1,
      ),
  );
  const length = shares[0]?.value.length ?? 0;
  const secret = new SecretBuffer(Math.max(length, 1));
  for (let place = 0; place < length; place += 1) {
    let sum = 0;
    for (const [which, share] of shares.entries()) {
      sum ^= multiply(
        basis[which] ?? 0,
        share.value.use((bytes) => bytes[place] ?? 0),
      );
    }
    secret.append(sum);
  }
  return secret;
}
