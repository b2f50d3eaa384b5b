import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../../../src/kernel/ids.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { KeyProvider, KeyRing, SealContext, SealedValue } from '../../../../src/vault/contract.ts';
import { openDevelopmentKeys } from '../../../../src/vault/keys/development/provider.ts';
import { createKeyRing } from '../../../../src/vault/keys/key-ring.ts';
import { hexOf, secretOf } from '../../../support/secret-bytes.ts';
import { MemoryStore } from './memory-store.ts';

const CONTEXT: SealContext = {
  accountId: 'acc_a',
  recordId: 'tok_card_1',
  field: 'card_number',
  version: 1,
};

const [ONE, TWO, PHONES] = [newId('key'), newId('key'), newId('key')];

let folder: string;
let store: MemoryStore;
let provider: KeyProvider;
let ring: KeyRing;

const open = async (): Promise<KeyRing> =>
  await createKeyRing({ providers: [provider], store, logger: silentLogger });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  store = new MemoryStore();
  provider = await openDevelopmentKeys(folder);
  await store.add(provider, ONE, 'card_data');
  await store.add(provider, PHONES, 'phone_numbers');
  ring = await open();
});

afterEach(async () => {
  await ring.close();
  await rm(folder, { recursive: true });
});

async function seal(text: Uint8Array | string, context = CONTEXT): Promise<SealedValue> {
  using secret = secretOf(text);
  return await ring.seal('card_data', context, secret);
}

async function reads(sealed: SealedValue, context = CONTEXT): Promise<string> {
  using opened = await ring.open('card_data', context, sealed);
  return hexOf(opened);
}

/** The second key becomes the active one. */
async function rotate(): Promise<void> {
  store.set(ONE, 'decrypt_only');
  await store.add(provider, TWO, 'card_data');
  await ring.refresh();
}

const invalid = { code: 'sealed_value_invalid' };

describe('a sealed value', () => {
  test('opens to what was sealed, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const sealed = await seal(bytes);
        expect(sealed.keyId).toBe(ONE);
        expect(sealed.wrappedKey).toHaveLength(40);
        expect(sealed.ciphertext).toHaveLength(12 + bytes.length + 16);
        expect(await reads(sealed)).toBe(Buffer.from(bytes).toString('hex'));
      }),
    );
  });

  test('never has the same nonce or data key twice', async () => {
    const sealed = await Promise.all(Array.from({ length: 200 }, async () => await seal('the same')));
    const nonces = sealed.map(({ ciphertext }) => ciphertext.subarray(0, 12).toString('hex'));
    expect(new Set(nonces).size).toBe(sealed.length);
    expect(new Set(sealed.map(({ wrappedKey }) => wrappedKey.toString('hex'))).size).toBe(sealed.length);
  });

  test('opens nowhere else', async () => {
    const place = fc.record({
      accountId: fc.string(),
      recordId: fc.string(),
      field: fc.string(),
      version: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        place,
        fc.constantFrom('accountId', 'recordId', 'field', 'version'),
        place,
        async (at, part, other) => {
          fc.pre(at[part] !== other[part]);
          const sealed = await seal('a value', at);
          await expect(reads(sealed, { ...at, [part]: other[part] })).rejects.toMatchObject(invalid);
        },
      ),
    );
  });

  test('opens for no other purpose, even if the key were its own', async () => {
    const sealed = await seal('a value');
    using secret = secretOf('a value');
    const phone = await ring.seal('phone_numbers', CONTEXT, secret);
    await expect(ring.open('phone_numbers', CONTEXT, sealed)).rejects.toMatchObject({ code: 'key_unusable' });
    await expect(reads(phone)).rejects.toMatchObject({ code: 'key_unusable' });
    await expect(reads({ ...sealed, wrappedKey: phone.wrappedKey })).rejects.toMatchObject(invalid);
    // The purpose is in what the ciphertext is bound to, and not only in the choice of the key.
    using dataKey = await provider.unwrap(PHONES, phone.wrappedKey);
    const moved = { ...phone, keyId: ONE, wrappedKey: await provider.wrap(ONE, dataKey) };
    await expect(reads(moved)).rejects.toMatchObject(invalid);
  });

  test('with any bit flipped gives nothing', async () => {
    const sealed = await seal('a value of some bytes');
    for (const part of ['wrappedKey', 'ciphertext'] as const) {
      for (let bit = 0; bit < sealed[part].length * 8; bit += 1) {
        const bytes = Buffer.from(sealed[part]);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(reads({ ...sealed, [part]: bytes })).rejects.toMatchObject(invalid);
      }
    }
  });

  test('cut off or made longer gives nothing', async () => {
    const sealed = await seal('a value of some bytes');
    for (const part of ['wrappedKey', 'ciphertext'] as const) {
      for (let length = 0; length < sealed[part].length; length += 1) {
        const bytes = sealed[part].subarray(0, length);
        await expect(reads({ ...sealed, [part]: bytes })).rejects.toMatchObject(invalid);
      }
      const longer = Buffer.concat([sealed[part], Buffer.alloc(8)]);
      await expect(reads({ ...sealed, [part]: longer })).rejects.toMatchObject(invalid);
    }
  });

  test('of two values no part serves the other', async () => {
    const [one, other] = [await seal('one'), await seal('two')];
    await expect(reads({ ...one, wrappedKey: other.wrappedKey })).rejects.toMatchObject(invalid);
    await expect(reads({ ...one, ciphertext: other.ciphertext })).rejects.toMatchObject(invalid);
  });

  test('names neither plaintext nor keys when it does not open', async () => {
    const sealed = await seal('4242424242424242');
    const failure = await reads({ ...sealed, ciphertext: Buffer.alloc(44) }).catch((error: unknown) => error);
    expect((failure as Error).message).toBe('a sealed value does not open');
  });
});

describe('a rotated key', () => {
  test('opens, and seals no more', async () => {
    const before = await seal('a value');
    await rotate();
    expect((await seal('another')).keyId).toBe(TWO);
    expect(await reads(before)).toBe(Buffer.from('a value').toString('hex'));
  });

  test('gives its records to the new one: only the wrapped key changes', async () => {
    const before = await seal('a value');
    await rotate();
    const after = await ring.rewrap('card_data', before);
    expect(after.keyId).toBe(TWO);
    expect(after.ciphertext.equals(before.ciphertext)).toBe(true);
    expect(after.wrappedKey.equals(before.wrappedKey)).toBe(false);
    expect(await reads(after)).toBe(await reads(before));
    expect(await ring.rewrap('card_data', after)).toEqual(after);
  });

  test.each(['retired', 'destroyed'] as const)('opens nothing when it is %s', async (state) => {
    const before = await seal('a value');
    await rotate();
    store.set(ONE, state);
    await ring.refresh();
    await expect(reads(before)).rejects.toMatchObject({ code: 'key_unusable' });
    await expect(ring.rewrap('card_data', before)).rejects.toMatchObject({ code: 'key_unusable' });
    expect(ring.list().find(({ id }) => id === ONE)?.state).toBe(state);
  });

  test('opens again when it was retired by mistake, without a word to this process', async () => {
    const before = await seal('a value');
    await rotate();
    store.set(ONE, 'retired');
    await ring.refresh();
    store.set(ONE, 'decrypt_only');
    expect(await reads(before)).toBe(Buffer.from('a value').toString('hex'));
  });

  test('of another process is known as soon as a record names it', async () => {
    const other = await open();
    await rotate();
    const sealed = await seal('a value');
    const readings = store.readings;
    using opened = await other.open('card_data', CONTEXT, sealed);
    expect(hexOf(opened)).toBe(Buffer.from('a value').toString('hex'));
    expect(store.readings).toBe(readings + 1);
    await other.open('card_data', CONTEXT, sealed).then((secret) => secret.wipe());
    expect(store.readings).toBe(readings + 1);
  });

  test('is known as soon as the store tells of a change', async () => {
    store.set(ONE, 'decrypt_only');
    await store.add(provider, TWO, 'card_data');
    store.tell();
    await ring.refresh();
    expect(ring.list().map(({ id, state }) => `${id} ${state}`)).toContain(`${TWO} active`);
  });

  test('of two readings the one that began later is believed, whichever ends first', async () => {
    const earlier = [...store.keys];
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const list = store.list.bind(store);
    store.list = async () => {
      store.list = list;
      await held;
      return earlier;
    };
    const slow = ring.refresh();
    store.set(ONE, 'decrypt_only');
    await store.add(provider, TWO, 'card_data');
    // In a transaction: it does not wait for the reading that hangs.
    await ring.refresh({ query: () => Promise.resolve([]) });
    answer();
    await slow;
    expect((await seal('a value')).keyId).toBe(TWO);
  });

  test('many questions at once are few readings', async () => {
    const readings = store.readings;
    await Promise.all(Array.from({ length: 50 }, async () => await ring.refresh()));
    expect(store.readings - readings).toBeLessThanOrEqual(2);
  });
});

describe('a MAC', () => {
  test('is the same for the same message and key, and another under another', async () => {
    using message = secretOf('a message');
    const one = await ring.mac('card_data', message);
    expect(one.keyId).toBe(ONE);
    expect(one.mac).toHaveLength(32);
    expect((await ring.mac('card_data', message)).mac.equals(one.mac)).toBe(true);
    expect((await ring.mac('phone_numbers', message)).mac.equals(one.mac)).toBe(false);
    await rotate();
    expect((await ring.mac('card_data', message)).mac.equals(one.mac)).toBe(false);
  });

  test('of a search is made under every key that something may be stored under', async () => {
    using message = secretOf('a message');
    const before = await ring.mac('card_data', message);
    await rotate();
    const macs = await ring.macs('card_data', message);
    expect(macs.map(({ keyId }) => keyId)).toEqual([TWO, ONE]);
    expect(macs[1]?.mac.equals(before.mac)).toBe(true);
    store.set(ONE, 'retired');
    await ring.refresh();
    expect((await ring.macs('card_data', message)).map(({ keyId }) => keyId)).toEqual([TWO]);
  });
});

describe('a purpose without an active key', () => {
  test('seals nothing', async () => {
    using secret = secretOf('a value');
    await expect(ring.seal('grants', CONTEXT, secret)).rejects.toMatchObject({ code: 'no_active_key' });
    await expect(ring.mac('grants', secret)).rejects.toMatchObject({ code: 'no_active_key' });
    await expect(ring.macs('grants', secret)).rejects.toMatchObject({ code: 'no_active_key' });
  });
});

describe('at the start', () => {
  test('a key that its provider does not have is named', async () => {
    await provider.destroy(ONE);
    await expect(open()).rejects.toMatchObject({
      code: 'key_missing',
      message: expect.stringContaining(ONE) as string,
    });
  });

  test('a key provider that is not set up is named', async () => {
    store.keys = store.keys.map((key) => ({ ...key, provider: 'pkcs11' as const }));
    await expect(open()).rejects.toMatchObject({
      code: 'key_missing',
      message: expect.stringContaining('pkcs11') as string,
    });
  });

  test('another key under the name is found out', async () => {
    store.keys = store.keys.map((key) => ({ ...key, checkValue: Buffer.alloc(8) }));
    await expect(open()).rejects.toMatchObject({ code: 'key_mismatch' });
  });

  test('a retired key may be gone', async () => {
    await rotate();
    store.set(ONE, 'retired');
    await provider.destroy(ONE);
    const other = await open();
    expect(other.list()).toHaveLength(3);
    await other.close();
  });

  test('a ring that cannot open does not go on watching', async () => {
    await provider.destroy(ONE);
    const watchers = store.watchers.size;
    await expect(open()).rejects.toMatchObject({ code: 'key_missing' });
    expect(store.watchers.size).toBe(watchers);
  });
});
