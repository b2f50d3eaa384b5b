import { Client } from 'pg';
import { newId } from '../../src/kernel/ids.ts';
import { SecretBuffer } from '../../src/secrets/secret-buffer.ts';
import type { KeyRing } from '../../src/vault/contract.ts';
import { cardNumberContext } from '../../src/vault/tokens/card-seal.ts';
import { fingerprintMessage } from '../../src/vault/tokens/fingerprint.ts';

/** Rows of one statement. */
const PAGE = 5000;

/**
 * The number of the card with this index: 16 digits from a published test BIN on (424242), each index another one, the
 * last digit whatever Luhn asks for. Made of bytes: a test that looks for numbers in memory must not find them here.
 */
export function cardNumberAt(index: number): SecretBuffer {
  const secret = new SecretBuffer(16);
  secret.appendBytes(Buffer.from(`424242${String(index).padStart(9, '0')}`));
  let total = 0;
  secret.use((bytes) => {
    for (const [place, byte] of bytes.entries()) {
      const doubled = (byte - 0x30) * (place % 2 === 0 ? 2 : 1);
      total += doubled > 9 ? doubled - 9 : doubled;
    }
  });
  secret.append(0x30 + ((10 - (total % 10)) % 10));
  return secret;
}

interface Column {
  readonly name: string;
  readonly type: 'text' | 'bytea';
}

const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'text' },
  { name: 'last4', type: 'text' },
  { name: 'fingerprint_id', type: 'text' },
  { name: 'customer_reference', type: 'text' },
  { name: 'key_id', type: 'text' },
  { name: 'fingerprint_key_id', type: 'text' },
  { name: 'ciphertext', type: 'bytea' },
  { name: 'wrapped_key', type: 'bytea' },
  { name: 'fingerprint', type: 'bytea' },
];

/** Tokens for the cards 0 to `count` − 1 of an account, really sealed, written as fast as rows go. Their ids, in order. */
export async function seedCards(
  url: string,
  keyRing: KeyRing,
  accountId: string,
  count: number,
): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const ids: string[] = [];
  // The next page is sealed while the database writes this one.
  let writing: Promise<unknown> = Promise.resolve();
  try {
    for (let from = 0; from < count; from += PAGE) {
      const rows: Record<string, unknown>[] = [];
      for (let index = from; index < Math.min(from + PAGE, count); index += 1) {
        rows.push(await sealedRow(keyRing, accountId, index));
      }
      ids.push(...rows.map(({ id }) => id as string));
      await writing;
      writing = client.query(
        `insert into card_tokens (account_id, mode, brand, bin, created_at, updated_at,
           ${COLUMNS.map(({ name }) => name).join(', ')})
         select $1, 'test', 'visa', '424242', now(), now(), rows.* from unnest(
           ${COLUMNS.map(({ type }, column) => `$${column + 2}::${type}[]`).join(', ')}
         ) as rows`,
        [accountId, ...COLUMNS.map(({ name }) => rows.map((row) => row[name]))],
      );
    }
    await writing;
  } finally {
    await client.end();
  }
  return ids;
}

async function sealedRow(
  keyRing: KeyRing,
  accountId: string,
  index: number,
): Promise<Record<string, unknown>> {
  const id = newId('tok_card');
  using cardNumber = cardNumberAt(index);
  using message = fingerprintMessage({ accountId, mode: 'test' }, cardNumber);
  const sealed = await keyRing.seal('card_data', cardNumberContext(accountId, id, 1), cardNumber);
  const { keyId, mac } = await keyRing.mac('fingerprints', message);
  return {
    id,
    last4: cardNumber.use((bytes) => String.fromCharCode(...bytes.subarray(12))),
    fingerprint_id: newId('fp'),
    customer_reference: `customer-${index}`,
    key_id: sealed.keyId,
    fingerprint_key_id: keyId,
    ciphertext: sealed.ciphertext,
    wrapped_key: sealed.wrappedKey,
    fingerprint: mac,
  };
}
