import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { HushtoneError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { KEY_PURPOSES, type KeyPurpose } from '../vault/contract.ts';
import { newShareSet, setPassphrase, splitKeyFile } from '../vault/keys/file/relock.ts';
import type { StoredKey } from '../vault/keys/key-store.ts';
import type { KeyUse } from '../vault/keys/stored-records.ts';
import { withKeys, type KeyWork } from './keys-registry.ts';

/** Records of one transaction: short enough that nobody waits for a row. */
export const DEFAULT_BATCH = 500;

const isPurpose = (text: string): text is KeyPurpose => (KEY_PURPOSES as readonly string[]).includes(text);

/** Throws `purpose_unknown`. */
export function readPurpose(text: string): KeyPurpose {
  if (isPurpose(text)) return text;
  throw new HushtoneError('purpose_unknown', 'invalid', `a purpose is one of ${KEY_PURPOSES.join(' ')}`);
}

function shown(key: StoredKey): Record<string, string> {
  const times = {
    created_at: key.createdAt,
    activated_at: key.activatedAt,
    decrypt_only_at: key.decryptOnlyAt,
    retired_at: key.retiredAt,
    destroyed_at: key.destroyedAt,
  };
  return {
    id: key.id,
    purpose: key.purpose,
    state: key.state,
    provider: key.provider,
    ...Object.fromEntries(
      Object.entries(times).flatMap(([name, time]) => (time === null ? [] : [[name, time.toISOString()]])),
    ),
  };
}

const usesOf = (uses: readonly KeyUse[]): Record<string, number> =>
  Object.fromEntries(uses.map(({ records, count }) => [records, count]));

export async function listKeys(): Promise<unknown> {
  return await withKeys('none', async ({ registry }) => {
    const keys = [];
    for (const key of await registry.list())
      keys.push({ ...shown(key), stored: usesOf(await registry.uses(key)) });
    return { keys };
  });
}

export async function generateKeys(purposes: readonly KeyPurpose[]): Promise<unknown> {
  return await withKeys('create', async ({ registry }) => ({
    made: (await registry.generate(purposes.length === 0 ? KEY_PURPOSES : purposes)).map(shown),
  }));
}

export async function prepareKey(purpose: KeyPurpose): Promise<unknown> {
  return await withKeys('open', async ({ registry }) => ({ prepared: await registry.prepare(purpose) }));
}

/** New keys as VAULT_KEYS wants them. They are nowhere else. */
export function printKeys(purposes: readonly KeyPurpose[]): string {
  const wanted = purposes.length === 0 ? KEY_PURPOSES : purposes;
  return wanted.map((purpose) => `${purpose}:${newId('key')}:${randomBytes(32).toString('hex')}`).join(',');
}

/** Makes the new key, unless `resume`, and moves what is under earlier ones; tells of each batch on standard error. */
export async function rotateKey(
  purpose: KeyPurpose,
  { resume, batch }: { readonly resume: boolean; readonly batch: number },
): Promise<unknown> {
  return await withKeys('open', async ({ registry }) => {
    const rotated = resume ? undefined : await registry.rotate(purpose);
    if (rotated !== undefined) {
      process.stderr.write(`${rotated.active.id} is active, ${rotated.previous.id} only opens\n`);
    }
    const earlier = (await registry.list()).filter(
      (key) => key.purpose === purpose && key.state === 'decrypt_only',
    );
    const total = new Map<string, number>();
    for (const { records, count } of (
      await Promise.all(earlier.map(async (key) => await registry.uses(key)))
    ).flat()) {
      total.set(records, (total.get(records) ?? 0) + count);
    }
    const moved = await registry.moveRecords(purpose, batch, ({ records, moved: count }) => {
      process.stderr.write(`${count} of ${Math.max(total.get(records) ?? 0, count)} ${records} moved\n`);
    });
    const left = [];
    for (const key of earlier) left.push({ id: key.id, stored: usesOf(await registry.uses(key)) });
    return { ...(rotated && { active: shown(rotated.active) }), moved, earlier: left };
  });
}

export async function changeKey(action: 'retire' | 'reinstate' | 'destroy', id: string): Promise<unknown> {
  const providers = action === 'destroy' ? 'open' : 'none';
  return await withKeys(providers, async ({ registry }) => shown(await registry[action](id)));
}

function fileOf({ settings }: KeyWork): NonNullable<KeyWork['settings']['file']> {
  if (settings.file !== undefined) return settings.file;
  throw new HushtoneError('no_key_file', 'invalid', 'the keys are not in a file: KEY_PROVIDER is not `file`');
}

export async function splitKeys(threshold: number, shares: number, folder: string): Promise<unknown> {
  return await withKeys('none', async (keys) => {
    const { path, ...unlocking } = fileOf(keys);
    const set = newShareSet();
    const request = { path, unlocking, set, threshold, shares, folder: resolve(folder) };
    const { files } = await keys.registry.relock(
      { operation: 'vault_key.split', set, threshold, shares },
      async () => await splitKeyFile(request),
    );
    return { set, threshold, files };
  });
}

export async function changePassphrase(passphraseFile: string): Promise<unknown> {
  return await withKeys('none', async (keys) => {
    const { path, ...unlocking } = fileOf(keys);
    await keys.registry.relock(
      { operation: 'vault_key.passphrase' },
      async () => await setPassphrase(path, unlocking, resolve(passphraseFile)),
    );
    return { key_file: path, opens_with: 'passphrase' };
  });
}
