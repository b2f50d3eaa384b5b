import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { newId } from '../../../../src/kernel/ids.ts';
import type { KeyProvider } from '../../../../src/vault/contract.ts';
import { randomSecret } from '../../../../src/vault/sealing/random-secret.ts';
import { hexOf, secretOf } from '../../../support/secret-bytes.ts';

/** What every key provider that makes keys must do. `reopen` opens the same keys as another process would. */
export function testKeyProvider(provider: () => KeyProvider, reopen: () => Promise<KeyProvider>): void {
  const made = async (): Promise<string> => {
    const id = newId('key');
    await provider().generate(id, 'card_data');
    return id;
  };

  test('makes keys, each for its purpose', async () => {
    const id = await made();
    const other = newId('key');
    await provider().generate(other, 'grants');
    expect(await provider().has(id)).toBe(true);
    expect(await provider().has(newId('key'))).toBe(false);
    expect(await provider().ids('card_data')).toContain(id);
    expect(await provider().ids('card_data')).not.toContain(other);
    expect(await provider().ids('grants')).toContain(other);
  });

  test('does not make a key twice', async () => {
    const id = await made();
    using dataKey = randomSecret(32);
    const wrapped = await provider().wrap(id, dataKey);
    await expect(provider().generate(id, 'card_data')).rejects.toMatchObject({ code: 'key_exists' });
    using back = await provider().unwrap(id, wrapped);
    expect(back.equals(dataKey)).toBe(true);
  });

  test('wraps and unwraps a data key, here and after opening again', async () => {
    const id = await made();
    using dataKey = randomSecret(32);
    const wrapped = await provider().wrap(id, dataKey);
    expect(wrapped).toHaveLength(40);
    using back = await provider().unwrap(id, wrapped);
    expect(hexOf(back)).toBe(hexOf(dataKey));
    const again = await reopen();
    try {
      using later = await again.unwrap(id, wrapped);
      expect(hexOf(later)).toBe(hexOf(dataKey));
      expect((await again.wrap(id, dataKey)).equals(wrapped)).toBe(true); // RFC 3394 has no nonce
    } finally {
      await again.close();
    }
  });

  test('tells a wrapped key that is not its own', async () => {
    const [id, other] = [await made(), await made()];
    using dataKey = randomSecret(32);
    const wrapped = await provider().wrap(id, dataKey);
    await expect(provider().unwrap(other, wrapped)).rejects.toMatchObject({ code: 'unwrap_failed' });
    for (const place of [0, 8, 39]) {
      const changed = Buffer.from(wrapped);
      changed[place] = (changed[place] ?? 0) ^ 1;
      await expect(provider().unwrap(id, changed)).rejects.toMatchObject({ code: 'unwrap_failed' });
    }
    for (const length of [0, 8, 16, 39, 32]) {
      const short = wrapped.subarray(0, length);
      await expect(provider().unwrap(id, short)).rejects.toMatchObject({ code: 'unwrap_failed' });
    }
  });

  test('makes MACs of 32 bytes under a key that is not the wrapping key', async () => {
    const [id, other] = [await made(), await made()];
    using message = secretOf('a message');
    const mac = await provider().mac(id, message);
    expect(mac).toHaveLength(32);
    expect((await provider().mac(id, message)).equals(mac)).toBe(true);
    expect((await provider().mac(other, message)).equals(mac)).toBe(false);
    using longer = secretOf('a message.');
    expect((await provider().mac(id, longer)).equals(mac)).toBe(false);
    using empty = secretOf('');
    expect(await provider().mac(id, empty)).not.toEqual(createHmac('sha256', '').update('').digest());
  });

  test('refuses a key that it does not have', async () => {
    const id = newId('key');
    using dataKey = randomSecret(32);
    const unknown = { code: 'key_not_found' };
    await expect(provider().wrap(id, dataKey)).rejects.toMatchObject(unknown);
    await expect(provider().unwrap(id, Buffer.alloc(40))).rejects.toMatchObject(unknown);
    await expect(provider().mac(id, dataKey)).rejects.toMatchObject(unknown);
  });

  test('destroys a key for good, for every process', async () => {
    const id = await made();
    using dataKey = randomSecret(32);
    const wrapped = await provider().wrap(id, dataKey);
    const again = await reopen();
    try {
      await provider().destroy(id);
      await provider().destroy(id);
      expect(await provider().has(id)).toBe(false);
      expect(await provider().ids('card_data')).not.toContain(id);
      await expect(provider().unwrap(id, wrapped)).rejects.toMatchObject({ code: 'key_not_found' });
      await again.refresh?.();
      expect(await again.has(id)).toBe(false);
      await expect(again.unwrap(id, wrapped)).rejects.toMatchObject({ code: 'key_not_found' });
    } finally {
      await again.close();
    }
  });

  test('learns of a key that another process has made', async () => {
    const again = await reopen();
    try {
      const id = await made();
      await again.refresh?.();
      expect(await again.has(id)).toBe(true);
      using message = secretOf('a message');
      expect((await again.mac(id, message)).equals(await provider().mac(id, message))).toBe(true);
    } finally {
      await again.close();
    }
  });

  test('many pieces of work at once do not mix', async () => {
    const ids = [await made(), await made(), await made()];
    await Promise.all(
      Array.from({ length: 60 }, async (_, turn) => {
        const id = ids[turn % ids.length] ?? '';
        using dataKey = randomSecret(32);
        using back = await provider().unwrap(id, await provider().wrap(id, dataKey));
        expect(hexOf(back)).toBe(hexOf(dataKey));
      }),
    );
  });
}
