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

/** Puts a card into the vault, as a capture does. */
export async function storeCard(
  { database }: Pick<TestDatabase, 'database'>,
  vault: CardVault,
  accountId: string,
  number: string,
  more: Partial<Omit<NewCardToken, 'cardNumber' | 'expiry'>> & { readonly expiry?: string } = {},
): Promise<CardFace> {
  const { expiry: expiryText, ...rest } = more;
  using cardNumber = secretDigits(number);
  using expiry = secretDigits(expiryText ?? '1230');
  const brand = cardNumber.use(brandOf);
  if (brand === undefined) throw new Error('the number is none of a known brand');
  const prepared = await vault.prepare({
    accountId,
    mode: 'test',
    cardNumber,
    ...(expiryText !== '' && { expiry }),
    brand,
    ...rest,
  });
  await database.transaction(accountId, async (db) => await prepared.write(db));
  return prepared.face;
}
