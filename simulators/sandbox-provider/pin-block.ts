import { createDecipheriv, type KeyObject } from 'node:crypto';

/**
 * Opens an ISO 9564-1 format 4 block: the issuer's side, written apart from the gateway's so that each checks the other.
 * Returns the PIN, or undefined when the block does not open to a well-formed PIN field of this card number.
 */
export function openPinBlock(block: Buffer, cardNumber: string, key: KeyObject): string | undefined {
  if (block.length !== 16 || !/^\d{12,19}$/.test(cardNumber)) return undefined;
  const algorithm = key.symmetricKeySize === 32 ? 'aes-256-ecb' : 'aes-128-ecb';
  const decipher = createDecipheriv(algorithm, key, null).setAutoPadding(false);
  const intermediate = decipher.update(block);
  const panField = Buffer.from(`${cardNumber.length - 12}${cardNumber}`.padEnd(32, '0'), 'hex');
  const pinField = decipher.update(intermediate.map((byte, index) => byte ^ (panField[index] ?? 0)));
  const [, length, rest] = /^4([4-9a-c])(.{14})/.exec(pinField.toString('hex')) ?? [];
  if (length === undefined || rest === undefined) return undefined;
  const digits = Number.parseInt(length, 16);
  const pin = rest.slice(0, digits);
  return /^\d+$/.test(pin) && /^a*$/.test(rest.slice(digits)) ? pin : undefined;
}
