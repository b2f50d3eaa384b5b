import { expect, test } from 'vitest';
import type { KeyProvider } from '../../../../src/vault/contract.ts';
import { closeKeyProviders } from '../../../../src/vault/keys/close-providers.ts';
import { openEnvironmentKeys } from '../../../../src/vault/keys/env/provider.ts';

test('one that cannot be closed keeps no other open, and is told', async () => {
  const closed: string[] = [];
  const provider = (name: string, close: () => Promise<void>): KeyProvider => ({
    ...openEnvironmentKeys([]),
    close: async () => {
      closed.push(name);
      await close();
    },
  });
  const stuck = new Error('the token is away');
  const providers = [
    provider('one', () => Promise.reject(stuck)),
    provider('two', () => {
      throw new Error('it is away as well');
    }),
    provider('three', () => Promise.resolve()),
  ];
  await expect(closeKeyProviders(providers)).rejects.toBe(stuck);
  expect(closed).toEqual(['one', 'two', 'three']);
  await closeKeyProviders(providers.slice(2));
});
