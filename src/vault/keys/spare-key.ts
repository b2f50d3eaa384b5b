import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { KeyProvider, KeyPurpose } from '../contract.ts';
import { checkValueOf } from './check-value.ts';
import type { StoredKey } from './key-store.ts';

/**
 * A key in the first provider that the table does not know yet. One that was made ahead, or by a process that was
 * killed before it could use it, is taken first: so nothing is ever destroyed that another process may just use. Rejects
 * with `no_key_provider`, and with what the provider says.
 */
export async function takeSpareKey(
  [provider]: readonly KeyProvider[],
  purpose: KeyPurpose,
  known: readonly StoredKey[],
): Promise<Pick<StoredKey, 'id' | 'purpose' | 'provider' | 'checkValue'>> {
  if (provider === undefined) {
    throw new HushtoneError('no_key_provider', 'conflict', 'there is no key provider to make a key');
  }
  await provider.refresh?.();
  const offered = await provider.ids(purpose);
  let id = offered.find((each) => !known.some((key) => key.id === each));
  if (id === undefined) {
    id = newId('key');
    await provider.generate(id, purpose);
  }
  return { id, purpose, provider: provider.name, checkValue: await checkValueOf(provider, id) };
}
