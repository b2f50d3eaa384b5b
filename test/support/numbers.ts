import { randomBytes } from 'node:crypto';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { Secret } from '../../src/secrets/secret.ts';
import type { KeyRing } from '../../src/vault/contract.ts';
import { checkValueOf } from '../../src/vault/keys/check-value.ts';
import { openEnvironmentKeys } from '../../src/vault/keys/env/provider.ts';
import { createKeyRing } from '../../src/vault/keys/key-ring.ts';
import type { StoredKey } from '../../src/vault/keys/key-store.ts';
import { createNumbers, type Numbers, type NumbersOptions } from '../../src/workflows/numbers.ts';

/** A key ring for telephone numbers alone: no folder, no database, nothing to close. */
export async function createNumbersRing(): Promise<KeyRing> {
  const id = newId('key');
  const provider = openEnvironmentKeys([
    { id, purpose: 'phone_numbers', key: new Secret(randomBytes(32).toString('hex')) },
  ]);
  const at = new Date();
  const key: StoredKey = {
    id,
    purpose: 'phone_numbers',
    state: 'active',
    provider: 'env',
    checkValue: await checkValueOf(provider, id),
    createdAt: at,
    activatedAt: at,
    decryptOnlyAt: null,
    retiredAt: null,
    destroyedAt: null,
  };
  const store = {
    list: () => Promise.resolve([key]),
    watch: () => Promise.resolve({ close: () => Promise.resolve() }),
  };
  return await createKeyRing({ providers: [provider], store, logger: silentLogger });
}

export async function createTestNumbers(options: Partial<NumbersOptions> = {}): Promise<Numbers> {
  return createNumbers({ keyRing: await createNumbersRing(), logger: silentLogger, ...options });
}
