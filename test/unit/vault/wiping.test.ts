import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/kernel/clock.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { secretMemoryUse } from '../../../src/secrets/arena.ts';
import type { SealContext } from '../../../src/vault/contract.ts';
import { openDevelopmentKeys } from '../../../src/vault/keys/development/provider.ts';
import { openFileKeys } from '../../../src/vault/keys/file/provider.ts';
import { setPassphrase, splitKeyFile } from '../../../src/vault/keys/file/relock.ts';
import { interpolate, splitSecret } from '../../../src/vault/keys/file/shamir.ts';
import { createKeyRing } from '../../../src/vault/keys/key-ring.ts';
import { randomSecret } from '../../../src/vault/sealing/random-secret.ts';
import { MemoryStore } from './keys/memory-store.ts';

const CONTEXT: SealContext = { accountId: 'acc_a', recordId: 'tok_card_1', field: 'card_number', version: 1 };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-wiping-'));
});

afterEach(() => rm(folder, { recursive: true }));

const taken = (): number => secretMemoryUse().takenBytes;

/** Every secret that the work made is wiped when it is over, however it ended. */
async function expectWiped(what: string, work: () => Promise<unknown>): Promise<void> {
  const before = taken();
  await work();
  expect({ what, left: taken() - before }).toEqual({ what, left: 0 });
}

describe('nothing is left in the memory for secrets', () => {
  test('of what the key ring does', async () => {
    await expectWiped('the ring', async () => {
      const provider = await openDevelopmentKeys(folder);
      const store = new MemoryStore();
      const [one, two] = [newId('key'), newId('key')];
      await store.add(provider, one, 'card_data');
      const ring = await createKeyRing({ providers: [provider], store, logger: silentLogger });
      using value = randomSecret(16);
      const sealed = await ring.seal('card_data', CONTEXT, value);
      await expectWiped('seal', async () => await ring.seal('card_data', CONTEXT, value));
      await expectWiped('open', async () => {
        using _opened = await ring.open('card_data', CONTEXT, sealed);
      });
      await expectWiped('an open that fails', async () => {
        const elsewhere = ring.open('card_data', { ...CONTEXT, accountId: 'acc_b' }, sealed);
        await expect(elsewhere).rejects.toMatchObject({ code: 'sealed_value_invalid' });
      });
      await expectWiped('mac', async () => await ring.mac('card_data', value));
      store.set(one, 'decrypt_only');
      await store.add(provider, two, 'card_data');
      await ring.refresh();
      await expectWiped('rewrap', async () => await ring.rewrap('card_data', sealed));
      await ring.close();
    });
  });

  test('of keys that are destroyed', async () => {
    await expectWiped('the provider', async () => {
      const provider = await openDevelopmentKeys(folder);
      const id = newId('key');
      await expectWiped('a key', async () => {
        await provider.generate(id, 'card_data');
        await provider.destroy(id);
      });
      expect(await provider.ids('card_data')).toEqual([]);
      await provider.close();
    });
  });

  test('of a secret that is split and put together', async () => {
    using secret = randomSecret(32);
    await expectWiped('the shares', () => {
      const shares = splitSecret(secret, 2, 3);
      using whole = interpolate(shares.slice(1));
      expect(whole.equals(secret)).toBe(true);
      for (const share of shares) share.value.wipe();
      return Promise.resolve();
    });
  });

  test('of a key file that is opened, changed, split and closed', async () => {
    const path = join(folder, 'keys.json');
    const passphraseFile = join(folder, 'passphrase');
    const wrong = join(folder, 'wrong');
    await writeFile(passphraseFile, 'correct horse battery staple');
    await writeFile(wrong, 'correct horse battery stable');
    await expectWiped('open and generate', async () => {
      const provider = await openFileKeys({
        path,
        unlocking: { passphraseFile },
        create: true,
        clock: systemClock,
      });
      await provider.generate(newId('key'), 'card_data');
      await provider.close();
    });
    await expectWiped('a wrong passphrase', async () => {
      const opened = openFileKeys({ path, unlocking: { passphraseFile: wrong }, clock: systemClock });
      await expect(opened).rejects.toMatchObject({ code: 'key_file_locked' });
    });
    let shareFiles: readonly string[] = [];
    await expectWiped('split', async () => {
      const request = { path, unlocking: { passphraseFile }, threshold: 2, shares: 2, folder };
      ({ files: shareFiles } = await splitKeyFile(request));
    });
    await expectWiped('a split that is refused', async () => {
      const request = { path, unlocking: { shareFiles }, threshold: 1, shares: 2, folder };
      await expect(splitKeyFile(request)).rejects.toMatchObject({ code: 'shares_invalid' });
    });
    await expectWiped('shares', async () => {
      const provider = await openFileKeys({ path, unlocking: { shareFiles }, clock: systemClock });
      await provider.close();
    });
    await expectWiped('shares that are refused', async () => {
      const [one = '', two = ''] = shareFiles;
      const damaged = join(folder, 'damaged.json');
      const text = await readFile(two, 'utf8');
      const value = /"value": "([^"]+)"/.exec(text)?.[1] ?? '';
      for (const [changed, code] of [
        [text, 'shares_repeated'],
        [text.replace('"index": 2', '"index": 3'), 'share_damaged'],
        [text.replace(value, `${value.slice(0, -1)}+`), 'share_damaged'],
        [text.replace('"checksum"', `"value": "${value}", "checksum"`), 'share_damaged'],
        [text.replace('"set"', `"value": "${'-'.repeat(43)}", "set"`), 'share_damaged'],
        [`${text}${' '.repeat(4096 - text.length)}`, 'shares_repeated'],
        [`${text}${' '.repeat(4097 - text.length)}`, 'share_damaged'],
      ] as const) {
        await writeFile(damaged, changed);
        const opened = openFileKeys({
          path,
          unlocking: { shareFiles: [one, two, damaged] },
          clock: systemClock,
        });
        await expect(opened).rejects.toMatchObject({ code });
      }
    });
    await expectWiped('a new passphrase, while a gateway runs', async () => {
      const unlocking = { passphraseFile: wrong, shareFiles };
      const running = await openFileKeys({ path, unlocking, clock: systemClock });
      await setPassphrase(path, { shareFiles }, wrong);
      await running.refresh?.();
      await running.close();
    });
  });
});
