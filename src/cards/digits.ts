const ASCII_ZERO = 0x30;

/** The digit that an ASCII byte stands for, 0 to 9; undefined for every other byte. */
export function digitOf(byte: number | undefined): number | undefined {
  if (byte === undefined) return undefined;
  const digit = byte - ASCII_ZERO;
  return digit >= 0 && digit <= 9 ? digit : undefined;
}

/** The ASCII byte of a digit from 0 to 9. */
export function byteOf(digit: number): number {
  return ASCII_ZERO + digit;
}

/** The first `count` digits as a number; undefined when there are fewer, or when one of them is no digit. */
export function leadingNumber(bytes: Uint8Array, count: number): number | undefined {
  let value = 0;
  for (let index = 0; index < count; index += 1) {
    const digit = digitOf(bytes[index]);
    if (digit === undefined) return undefined;
    value = value * 10 + digit;
  }
  return value;
}
