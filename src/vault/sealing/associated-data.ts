import type { KeyPurpose, SealContext } from '../contract.ts';

/** Names the encoding: a later one cannot be mistaken for it. */
const DOMAIN = 'hushtone sealed value v1';

/**
 * What a sealed value is bound to, as bytes. Each part stands behind its length (32 bits, big-endian), so that no two
 * contexts have the same encoding; the version is 64 bits.
 */
export function associatedData(
  purpose: KeyPurpose,
  { accountId, recordId, field, version }: SealContext,
): Buffer {
  const parts = [DOMAIN, purpose, accountId, recordId, field].flatMap((text) => {
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(version));
  return Buffer.concat([...parts, number]);
}
