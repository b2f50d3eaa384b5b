import { createHmac } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../src/kernel/ids.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { KeyProvider, SealContext } from '../../../src/vault/contract.ts';
import { checkValueOf } from '../../../src/vault/keys/check-value.ts';
import { createKeyRing } from '../../../src/vault/keys/key-ring.ts';
import {
  CKA,
  CKF,
  CKK,
  CKM,
  CKO_SECRET_KEY,
  loadCryptoki,
  type Attribute,
  type Cryptoki,
} from '../../../src/vault/keys/pkcs11/cryptoki.ts';
import { openPkcs11Keys } from '../../../src/vault/keys/pkcs11/provider.ts';
import { unwrapKey, wrapKey } from '../../../src/vault/sealing/key-wrap.ts';
import { randomSecret } from '../../../src/vault/sealing/random-secret.ts';
import { createTestDatabase } from '../../support/database.ts';
import { createTestKeyRing } from '../../support/key-ring.ts';
import { hexOf, secretOf } from '../../support/secret-bytes.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';
import { MemoryStore } from '../../unit/vault/keys/memory-store.ts';
import { testKeyProvider } from '../../unit/vault/keys/provider-contract.ts';

let hsm: SoftHsm;
let provider: KeyProvider;

const open = async (changes: Partial<SoftHsm> = {}): Promise<KeyProvider> =>
  await openPkcs11Keys({ ...hsm, ...changes, logger: silentLogger });

beforeAll(async () => {
  hsm = await createSoftHsm();
  provider = await open();
});

afterAll(async () => {
  await provider.close();
  await hsm.remove();
});

/** Works on the token behind the provider's back. */
async function behind<T>(work: (cryptoki: Cryptoki, session: Buffer) => T): Promise<T> {
  const cryptoki = await loadCryptoki(hsm.module);
  const [slot] = cryptoki
    .C_GetSlotList(true)
    .filter((each) => cryptoki.C_GetTokenInfo(each).label.trim() === hsm.tokenLabel);
  const session = cryptoki.C_OpenSession(slot ?? Buffer.alloc(8), CKF.RW_SESSION | CKF.SERIAL_SESSION);
  try {
    return work(cryptoki, session);
  } finally {
    cryptoki.C_CloseSession(session);
  }
}

function objectsOf(cryptoki: Cryptoki, session: Buffer, id: string): Buffer[] {
  cryptoki.C_FindObjectsInit(session, [{ type: CKA.ID, value: Buffer.from(id) }]);
  try {
    return cryptoki.C_FindObjects(session, 10);
  } finally {
    cryptoki.C_FindObjectsFinal(session);
  }
}

const CONTEXT: SealContext = { accountId: 'acc_a', recordId: 'tok_card_1', field: 'card_number', version: 1 };

describe('keys in a PKCS#11 token', () => {
  testKeyProvider(
    () => provider,
    async () => await open(),
  );

  test('are two objects that never leave it: sensitive, not extractable, each for one use', async () => {
    const id = newId('key');
    await provider.generate(id, 'card_data');
    await behind((cryptoki, session) => {
      const objects = objectsOf(cryptoki, session, id);
      expect(objects).toHaveLength(2);
      for (const object of objects) {
        const flag = (type: number): boolean =>
          cryptoki.C_GetAttributeValue(session, object, [{ type }])[0]?.value[0] === 1;
        const wraps =
          cryptoki.C_GetAttributeValue(session, object, [{ type: CKA.KEY_TYPE }])[0]?.value.readUInt32LE() ===
          CKK.AES;
        expect({
          token: flag(CKA.TOKEN),
          private: flag(CKA.PRIVATE),
          sensitive: flag(CKA.SENSITIVE),
          extractable: flag(CKA.EXTRACTABLE),
          modifiable: flag(CKA.MODIFIABLE),
          wrap: flag(CKA.WRAP),
          unwrap: flag(CKA.UNWRAP),
          encrypt: flag(CKA.ENCRYPT),
          decrypt: flag(CKA.DECRYPT),
          sign: flag(CKA.SIGN),
          // PKCS#11 2.40, 4.9: it was so from the moment when it was made.
          neverExtractable: flag(0x164),
          alwaysSensitive: flag(0x165),
          local: flag(0x163),
        }).toEqual({
          token: true,
          private: true,
          sensitive: true,
          extractable: false,
          modifiable: false,
          wrap: wraps,
          unwrap: wraps,
          encrypt: false,
          decrypt: false,
          sign: !wraps,
          neverExtractable: true,
          alwaysSensitive: true,
          local: true,
        });
        expect(() => cryptoki.C_GetAttributeValue(session, object, [{ type: CKA.VALUE }])).toThrow(
          /CKR_ATTRIBUTE_SENSITIVE/,
        );
      }
    });
  });

  test('cannot be wrapped out of it by one another', async () => {
    const [id, other] = [newId('key'), newId('key')];
    await provider.generate(id, 'card_data');
    await provider.generate(other, 'card_data');
    await behind((cryptoki, session) => {
      const wrapping = (name: string): Buffer =>
        objectsOf(cryptoki, session, name).find(
          (object) => cryptoki.C_GetAttributeValue(session, object, [{ type: CKA.WRAP }])[0]?.value[0] === 1,
        ) ?? Buffer.alloc(8);
      expect(() =>
        cryptoki.C_WrapKey(
          session,
          { mechanism: CKM.AES_KEY_WRAP },
          wrapping(id),
          wrapping(other),
          Buffer.alloc(40),
        ),
      ).toThrow(/CKR_KEY_UNEXTRACTABLE/);
    });
  });

  test('wrap as RFC 3394 has it, and make a MAC as FIPS 198-1 has it', async () => {
    // A key of a known value, put into the token under the provider's labels: what comes out can be checked outside.
    const id = newId('key');
    const value = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
    const common: Attribute[] = [
      { type: CKA.CLASS, value: CKO_SECRET_KEY },
      { type: CKA.ID, value: Buffer.from(id) },
      { type: CKA.TOKEN, value: true },
      { type: CKA.PRIVATE, value: true },
      { type: CKA.SENSITIVE, value: true },
      { type: CKA.EXTRACTABLE, value: false },
      { type: CKA.VALUE, value },
    ];
    await behind((cryptoki, session) => {
      cryptoki.C_CreateObject(session, [
        ...common,
        { type: CKA.KEY_TYPE, value: CKK.AES },
        { type: CKA.WRAP, value: true },
        { type: CKA.UNWRAP, value: true },
      ]);
      cryptoki.C_CreateObject(session, [
        ...common,
        { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
        { type: CKA.SIGN, value: true },
      ]);
    });
    // RFC 3394, 4.6.
    using dataKey = secretOf(
      Buffer.from('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f', 'hex'),
    );
    const wrapped = await provider.wrap(id, dataKey);
    expect(wrapped.toString('hex')).toBe(
      '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21',
    );
    using kek = secretOf(value);
    using outside = unwrapKey(kek, wrapped);
    using inside = await provider.unwrap(id, wrapped);
    expect(hexOf(inside)).toBe(hexOf(outside));
    using message = secretOf('a message');
    expect(await provider.mac(id, message)).toEqual(createHmac('sha256', value).update('a message').digest());
    await provider.destroy(id);
  });

  test.each([CKK.AES, CKK.GENERIC_SECRET])(
    'are not those that someone without the PIN has planted under their name (key type %d)',
    async (type) => {
      const id = newId('key');
      const planted = (more: readonly Attribute[] = []): Attribute[] => [
        { type: CKA.CLASS, value: CKO_SECRET_KEY },
        { type: CKA.KEY_TYPE, value: type },
        { type: CKA.ID, value: Buffer.from(id) },
        { type: CKA.LABEL, value: `hushtone card_data ${type === CKK.AES ? 'key wrap' : 'hmac'}` },
        { type: CKA.TOKEN, value: true },
        { type: CKA.VALUE, value: Buffer.alloc(32, 7) },
        { type: CKA.WRAP, value: true },
        { type: CKA.UNWRAP, value: true },
        { type: CKA.SIGN, value: true },
        ...more,
      ];
      const readable = [
        { type: CKA.PRIVATE, value: false },
        { type: CKA.SENSITIVE, value: false },
        { type: CKA.EXTRACTABLE, value: true },
      ];
      await behind((cryptoki, session) => cryptoki.C_CreateObject(session, planted(readable)));
      expect(await provider.has(id)).toBe(false);
      expect(await provider.ids('card_data')).not.toContain(id);
      await provider.generate(id, 'card_data');
      using kek = secretOf(Buffer.alloc(32, 7));
      using dataKey = randomSecret(32);
      expect(await provider.wrap(id, dataKey)).not.toEqual(wrapKey(kek, dataKey));
      const known = createHmac('sha256', Buffer.alloc(32, 7)).update('a message').digest();
      using message = secretOf('a message');
      expect(await provider.mac(id, message)).not.toEqual(known);
      // Even one that looks right is not taken for the other.
      const hidden = [
        { type: CKA.PRIVATE, value: true },
        { type: CKA.SENSITIVE, value: true },
        { type: CKA.EXTRACTABLE, value: false },
      ];
      await behind((cryptoki, session) => cryptoki.C_CreateObject(session, planted(hidden)));
      await expect(provider.has(id)).rejects.toMatchObject({ code: 'key_ambiguous', kind: 'unavailable' });
      await behind((cryptoki, session) => {
        for (const object of objectsOf(cryptoki, session, id)) cryptoki.C_DestroyObject(session, object);
      });
    },
  );

  test('make MACs again after one that failed on the way', async () => {
    const id = newId('key');
    await provider.generate(id, 'card_data');
    const gone = secretOf('a message');
    gone.wipe();
    await expect(provider.mac(id, gone)).rejects.toMatchObject({ code: 'secret_wiped' });
    using message = secretOf('a message');
    expect(await provider.mac(id, message)).toHaveLength(32);
  });

  test('leave no data key behind in the token', async () => {
    const id = newId('key');
    await provider.generate(id, 'card_data');
    using dataKey = randomSecret(32);
    const count = async (): Promise<number> =>
      await behind((cryptoki, session) => {
        cryptoki.C_FindObjectsInit(session, [{ type: CKA.EXTRACTABLE, value: true }]);
        const found = cryptoki.C_FindObjects(session, 1000).length;
        cryptoki.C_FindObjectsFinal(session);
        return found;
      });
    const before = await count();
    for (let turn = 0; turn < 10; turn += 1) {
      const wrapped = await provider.wrap(id, dataKey);
      (await provider.unwrap(id, wrapped)).wipe();
      await expect(provider.unwrap(id, Buffer.alloc(40))).rejects.toMatchObject({ code: 'unwrap_failed' });
    }
    expect(await count()).toBe(before);
  });

  test('serve on when the session was lost', async () => {
    const id = newId('key');
    await provider.generate(id, 'card_data');
    using message = secretOf('a message');
    const mac = await provider.mac(id, message);
    // The library is shut down under it: every session and login is gone.
    const cryptoki = await loadCryptoki(hsm.module);
    cryptoki.C_Finalize();
    expect((await provider.mac(id, message)).equals(mac)).toBe(true);
    cryptoki.C_Finalize();
    using dataKey = randomSecret(32);
    const wrapped = await provider.wrap(id, dataKey);
    cryptoki.C_Finalize();
    using back = await provider.unwrap(id, wrapped);
    expect(back.equals(dataKey)).toBe(true);
  });

  test('that cannot be reached say so, and come back', async () => {
    const pinFile = join(hsm.pinFile, '..', 'pin-for-a-while');
    await writeFile(pinFile, await readFile(hsm.pinFile));
    const other = await open({ pinFile });
    const cryptoki = await loadCryptoki(hsm.module);
    using message = secretOf('a message');
    const [id = ''] = await other.ids('card_data');
    cryptoki.C_Finalize();
    await writeFile(pinFile, 'not the PIN');
    await expect(other.mac(id, message)).rejects.toMatchObject({
      code: 'key_provider_unavailable',
      kind: 'unavailable',
      message: 'PKCS#11: the token refuses the login (CKR_PIN_INCORRECT)',
    });
    // A token locks itself after a few wrong PINs: none is tried twice.
    await expect(other.mac(id, message)).rejects.toMatchObject({
      code: 'key_provider_unavailable',
      message: `PKCS#11: the token has refused the PIN in ${pinFile}: it is not tried again until it is changed`,
    });
    await writeFile(pinFile, 'not the PIN either');
    await expect(other.mac(id, message)).rejects.toMatchObject({
      message: 'PKCS#11: the token refuses the login (CKR_PIN_INCORRECT)',
    });
    await writeFile(pinFile, await readFile(hsm.pinFile));
    expect(await other.mac(id, message)).toHaveLength(32);
    await other.close();
  });

  test.each([
    ['no module', { module: '/nowhere/libnone.so' }, 'pkcs11_module_unusable'],
    ['a module that is none', { module: '/etc/hostname' }, 'pkcs11_module_unusable'],
    ['another token', { tokenLabel: 'another' }, 'key_provider_unavailable'],
    ['no PIN', { pinFile: '/nowhere/pin' }, 'pkcs11_pin_missing'],
  ])('%s is a clear error', async (_, changes, code) => {
    await expect(open(changes)).rejects.toMatchObject({ code });
    // What failed has not taken the session from the one that works.
    expect(await provider.ids('card_data')).not.toEqual([]);
  });

  test('a wrong PIN is not shown', async () => {
    const pinFile = join(hsm.pinFile, '..', 'wrong');
    await writeFile(pinFile, '16180339');
    // Every session of a process is logged in, or none: the one that works is closed meanwhile.
    await provider.close();
    try {
      const error = await open({ pinFile }).catch((failure: unknown) => failure as Error);
      expect(error).toMatchObject({ code: 'key_provider_unavailable' });
      expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toContain('16180339');
    } finally {
      provider = await open();
    }
  });

  test('carry a key ring', async () => {
    const store = new MemoryStore();
    const [one, two] = [newId('key'), newId('key')];
    await store.add(provider, one, 'card_data');
    const ring = await createKeyRing({ providers: [await open()], store, logger: silentLogger });
    using secret = secretOf('a value');
    const sealed = await ring.seal('card_data', CONTEXT, secret);
    store.set(one, 'decrypt_only');
    await store.add(provider, two, 'card_data');
    await ring.refresh();
    const moved = await ring.rewrap('card_data', sealed);
    expect([sealed.keyId, moved.keyId]).toEqual([one, two]);
    for (const value of [sealed, moved]) {
      using opened = await ring.open('card_data', CONTEXT, value);
      expect(hexOf(opened)).toBe(hexOf(secret));
    }
    await expect(ring.open('card_data', { ...CONTEXT, accountId: 'acc_b' }, sealed)).rejects.toMatchObject({
      code: 'sealed_value_invalid',
    });
    await ring.close();
  });

  test('take over from another provider: what that protected opens, and is moved into the token', async () => {
    const db = await createTestDatabase();
    const development = await createTestKeyRing(db);
    try {
      using secret = secretOf('a value');
      const before = await development.keyRing.seal('card_data', CONTEXT, secret);
      const id = newId('key');
      await provider.generate(id, 'card_data');
      await db.database.systemTransaction(async (tx) => {
        await tx.query(`update vault_keys set state = 'decrypt_only' where id = $1`, [before.keyId]);
        await tx.query(
          `insert into vault_keys (id, purpose, provider, check_value) values ($1, 'card_data', 'pkcs11', $2)`,
          [id, await checkValueOf(provider, id)],
        );
      });
      const store = {
        list: async () => await development.registry().list(),
        watch: () => Promise.resolve({ close: () => Promise.resolve() }),
      };
      const ring = await createKeyRing({
        providers: [provider, development.provider],
        store,
        logger: silentLogger,
      });
      const after = await ring.rewrap('card_data', before);
      expect([before.keyId === id, after.keyId]).toEqual([false, id]);
      using opened = await ring.open('card_data', CONTEXT, after);
      expect(hexOf(opened)).toBe(hexOf(secret));
    } finally {
      await development.close();
      await db.close();
    }
  });
});
