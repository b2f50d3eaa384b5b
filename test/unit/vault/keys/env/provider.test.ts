import { createHmac, hkdfSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../../../src/kernel/ids.ts';
import { Secret } from '../../../../../src/secrets/secret.ts';
import type { KeyProvider } from '../../../../../src/vault/contract.ts';
import { openEnvironmentKeys } from '../../../../../src/vault/keys/env/provider.ts';
import { randomSecret } from '../../../../../src/vault/sealing/random-secret.ts';
import { hexOf, secretOf } from '../../../../support/secret-bytes.ts';

const HEX = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const [CARDS, OTHER_CARDS, GRANTS] = [newId('key'), newId('key'), newId('key')];

let provider: KeyProvider;

beforeAll(() => {
  provider = openEnvironmentKeys([
    { id: CARDS, purpose: 'card_data', key: new Secret(HEX) },
    { id: OTHER_CARDS, purpose: 'card_data', key: new Secret(HEX.replaceAll('0', 'f')) },
    { id: GRANTS, purpose: 'grants', key: new Secret(HEX.toUpperCase()) },
  ]);
});

afterAll(async () => await provider.close());

describe('keys of the environment', () => {
  test('are offered in the order of the setting', async () => {
    expect(await provider.ids('card_data')).toEqual([CARDS, OTHER_CARDS]);
    expect(await provider.ids('grants')).toEqual([GRANTS]);
    expect(await provider.ids('fingerprints')).toEqual([]);
    expect([await provider.has(CARDS), await provider.has(newId('key'))]).toEqual([true, false]);
  });

  test('wrap and unwrap', async () => {
    using dataKey = randomSecret(32);
    const wrapped = await provider.wrap(CARDS, dataKey);
    using back = await provider.unwrap(CARDS, wrapped);
    expect(hexOf(back)).toBe(hexOf(dataKey));
    await expect(provider.unwrap(OTHER_CARDS, wrapped)).rejects.toMatchObject({ code: 'unwrap_failed' });
  });

  test('make a MAC under a key that HKDF (RFC 5869) makes of them', async () => {
    using message = secretOf('a message');
    const key = Buffer.from(hkdfSync('sha256', Buffer.from(HEX, 'hex'), '', 'hushtone hmac v1', 32));
    const expected = createHmac('sha256', key).update('a message').digest();
    expect((await provider.mac(CARDS, message)).equals(expected)).toBe(true);
    expect((await provider.mac(GRANTS, message)).equals(expected)).toBe(true);
  });

  test('cannot be made or destroyed from here', async () => {
    const readOnly = { code: 'keys_read_only' };
    await expect(provider.generate(newId('key'), 'grants')).rejects.toMatchObject(readOnly);
    await expect(provider.destroy(CARDS)).rejects.toMatchObject(readOnly);
    await provider.destroy(newId('key'));
    expect(await provider.has(CARDS)).toBe(true);
  });
});
