import { brandOf } from '../../src/cards/brands.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SecretBuffer } from '../../src/secrets/secret-buffer.ts';
import type { KeyRing } from '../../src/vault/contract.ts';
import { createCardVault, type TokenPolicy } from '../../src/workflows/tokens/card-vault.ts';
import type { CardFace, CardVault, NewCardToken } from '../../src/workflows/tokens/contract.ts';
import type { TestDatabase } from './database.ts';

/** A published test number, or an expiry, as bytes. */
export function secretDigits(text: string): SecretBuffer {
  const buffer = new SecretBuffer(text.length);
  buffer.appendBytes(Buffer.from(text));
  return buffer;
}

/** What a test reads of a secret: the numbers of tests are published ones. */
export function digitsOf(secret: SecretBuffer): string {
  return secret.use((bytes) => Buffer.from(bytes).toString('latin1'));
}

export function testVault(
  { database }: Pick<TestDatabase, 'database'>,
  keyRing: KeyRing,
  policy: Partial<TokenPolicy> = {},
): CardVault {
  return createCardVault({
    database,
    keyRing,
    policy: { binDigits: 6, lookAlike: false, ...policy },
    clock: systemClock,
  });
}

type StoredWith = Partial<Omit<NewCardToken, 'cardNumber' | 'expiry'>> & {
  /** MMYY; `''` for none. */
  readonly expiry?: string;
};

/** Puts a card into the vault, as a capture does. */
export async function storeCard(
  db: Pick<TestDatabase, 'database'>,
  vault: CardVault,
  accountId: string,
  number: string,
  more: StoredWith = {},
): Promise<CardFace> {
  using cardNumber = secretDigits(number);
  return await storeCardNumber(db, vault, accountId, cardNumber, more);
}

export async function storeCardNumber(
  { database }: Pick<TestDatabase, 'database'>,
  vault: CardVault,
  accountId: string,
  cardNumber: SecretBuffer,
  { expiry: expiryText = '1230', ...more }: StoredWith = {},
): Promise<CardFace> {
  using expiry = new SecretBuffer(4);
  expiry.appendBytes(Buffer.from(expiryText));
  const brand = cardNumber.use(brandOf);
  if (brand === undefined) throw new Error('the number is none of a known brand');
  const prepared = await vault.prepare({
    accountId,
    mode: 'test',
    cardNumber,
    ...(expiryText !== '' && { expiry }),
    brand,
    ...more,
  });
  await database.transaction(accountId, async (db) => await prepared.write(db));
  return prepared.face;
}
