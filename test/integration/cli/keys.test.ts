import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { auditSource } from '../../../src/audit/record-store.ts';
import { runAudit } from '../../../src/cli/audit.ts';
import { runKeys } from '../../../src/cli/keys.ts';
import { KEY_PURPOSES } from '../../../src/vault/contract.ts';
import { INSTALLATION_ACCOUNT } from '../../../src/vault/keys/key-record-store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createSoftHsm } from '../../support/softhsm.ts';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

interface ShownKey {
  readonly id: string;
  readonly purpose: string;
  readonly state: string;
  readonly provider: string;
  readonly stored?: Record<string, number>;
}

let folder: string;
let db: TestDatabase;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-cli-'));
  db = await createTestDatabase();
  await writeFile(join(folder, 'passphrase'), 'correct horse battery staple');
  vi.stubEnv('DATABASE_URL', db.url);
  vi.stubEnv('DATA_DIR', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await db.close();
  await rm(folder, { recursive: true });
});

const useFile = (): void => {
  vi.stubEnv('KEY_PROVIDER', 'file');
  vi.stubEnv('VAULT_KEY_FILE', join(folder, 'keys.json'));
  vi.stubEnv('VAULT_PASSPHRASE_FILE', join(folder, 'passphrase'));
};

async function hushtone(
  command: (args: readonly string[]) => Promise<number>,
  ...args: string[]
): Promise<Run> {
  let [out, error] = ['', ''];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += text.toString();
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      error += text.toString();
      return true;
    }),
  ];
  try {
    return { code: await command(args), out, error };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const keys = async (...args: string[]): Promise<Run> => await hushtone(runKeys, ...args);

async function json<T>(...args: string[]): Promise<T> {
  const { code, out } = await keys(...args);
  expect(code).toBe(0);
  return JSON.parse(out) as T;
}

const list = async (): Promise<ShownKey[]> => (await json<{ keys: ShownKey[] }>('list')).keys;

async function active(purpose: string): Promise<string> {
  return (await list()).find((key) => key.purpose === purpose && key.state === 'active')?.id ?? 'none';
}

async function trail(): Promise<Record<string, unknown>[]> {
  const links = await auditSource(db.database, INSTALLATION_ACCOUNT).records(0, 1000, 1000);
  return links.map(({ record }) => JSON.parse(record) as Record<string, unknown>);
}

/** Card tokens under that key, as the vault stores them, but for what is in them. */
async function store(count: number, keyId: string): Promise<void> {
  await execute(
    db.url,
    `insert into accounts (id, account_id) values ('acc_a', 'acc_a') on conflict do nothing`,
  );
  await execute(
    db.url,
    `insert into card_tokens (id, account_id, mode, brand, last4, bin, ciphertext, wrapped_key, key_id,
       fingerprint, fingerprint_key_id, fingerprint_id, created_at, updated_at)
     select 'tok_card_' || lpad(translate(n::text, '0123456789', 'abcdefghjk'), 26, 'z'), 'acc_a', 'test', 'visa',
       '4242', '424242', decode(repeat('00', 44), 'hex'), decode(repeat('00', 40), 'hex'), $2,
       decode(repeat('00', 32), 'hex'), (select id from vault_keys where purpose = 'fingerprints' and state = 'active'),
       'fp_' || lpad(translate(n::text, '0123456789', 'abcdefghjk'), 26, 'z'), now(), now()
     from generate_series(1, $1::int) n`,
    [count, keyId],
  );
}

describe('hushtone keys', () => {
  test('generate makes a key of every purpose, and no more the second time', async () => {
    const made = (await json<{ made: ShownKey[] }>('generate')).made;
    expect(made.map(({ purpose }) => purpose).sort()).toEqual([...KEY_PURPOSES].sort());
    expect(await json('generate')).toEqual({ made: [] });
    expect((await list()).map(({ state, provider }) => `${state} ${provider}`)).toEqual(
      KEY_PURPOSES.map(() => 'active development'),
    );
  });

  test('generate makes the key file, and only what it was asked for', async () => {
    useFile();
    const { made } = await json<{ made: ShownKey[] }>('generate', 'card_data', 'grants');
    expect(made.map(({ purpose, provider }) => `${purpose} ${provider}`).sort()).toEqual([
      'card_data file',
      'grants file',
    ]);
    const file = JSON.parse(await readFile(join(folder, 'keys.json'), 'utf8')) as { keys: { id: string }[] };
    expect(file.keys.map(({ id }) => id).sort()).toEqual(made.map(({ id }) => id).sort());
  });

  test('the life of a key: rotate, retire, reinstate, destroy, each in the audit trail', async () => {
    useFile();
    await json('generate');
    const old = await active('card_data');
    const rotated = await json<{ active: ShownKey; moved: number; earlier: unknown[] }>(
      'rotate',
      'card_data',
    );
    expect(rotated).toMatchObject({ moved: 0, earlier: [{ id: old, stored: {} }] });
    expect(await active('card_data')).toBe(rotated.active.id);
    expect(await json('retire', old)).toMatchObject({ id: old, state: 'retired' });
    expect(await json('reinstate', old)).toMatchObject({ id: old, state: 'decrypt_only' });
    expect(await json('retire', old)).toMatchObject({ state: 'retired' });
    expect(await json('destroy', old, '--yes')).toMatchObject({ id: old, state: 'destroyed' });
    expect((await list()).find(({ id }) => id === old)).toMatchObject({ state: 'destroyed', stored: {} });
    expect(await readFile(join(folder, 'keys.json'), 'utf8')).not.toContain(old);

    const records = await trail();
    expect(records.slice(KEY_PURPOSES.length).map((record) => record['operation'])).toEqual([
      'vault_key.rotate',
      'vault_key.retire',
      'vault_key.reinstate',
      'vault_key.retire',
      'vault_key.destroy',
    ]);
    for (const record of records) {
      expect(record).toMatchObject({
        result: 'done',
        actor: { kind: 'operator' },
        account_id: INSTALLATION_ACCOUNT,
      });
    }
    expect(records.at(-1)).toMatchObject({
      object: { type: 'vault_key', id: old },
      before: { state: 'retired', purpose: 'card_data', provider: 'file' },
      after: { state: 'destroyed' },
    });
    await keys('create-signing', '--out', join(folder, 'audit.pem'));
    vi.stubEnv('AUDIT_SIGNING_KEY_FILE', join(folder, 'audit.pem'));
    expect((await hushtone(runAudit, 'verify', '--account', INSTALLATION_ACCOUNT)).code).toBe(0);
  });

  test('refuses what would lose something, with the count, and records the refusal', async () => {
    await json('generate');
    const first = await active('card_data');
    await expect(keys('retire', first)).rejects.toMatchObject({ code: 'key_state' });
    await expect(keys('destroy', first, '--yes')).rejects.toMatchObject({ code: 'key_state' });
    await store(3, first);
    expect((await list()).find(({ id }) => id === first)?.stored).toEqual({ 'card tokens': 3 });
    // What cannot be opened is not moved: the rotation says what is left, and the key is kept.
    const { error, out } = await keys('rotate', 'card_data');
    expect(error).toMatch(/key_\w{26} is active, key_\w{26} only opens/);
    expect(JSON.parse(out)).toMatchObject({
      moved: 0,
      earlier: [{ id: first, stored: { 'card tokens': 3 } }],
    });
    await expect(keys('rotate', 'card_data')).rejects.toMatchObject({
      code: 'rotation_unfinished',
      message: `3 card tokens are still under ${first}: finish that rotation with --resume first`,
    });
    await expect(keys('retire', first)).rejects.toMatchObject({
      code: 'key_in_use',
      message: `3 card tokens are still under ${first}: hushtone keys rotate card_data --resume`,
    });
    const refusals = (await trail()).filter((record) => record['result'] === 'refused');
    expect(refusals.map(({ operation, reason }) => [operation, reason])).toEqual([
      ['vault_key.retire', 'key_state'],
      ['vault_key.destroy', 'key_state'],
      ['vault_key.rotate', 'rotation_unfinished'],
      ['vault_key.retire', 'key_in_use'],
    ]);
  });

  test('rotate --resume makes no key', async () => {
    await json('generate');
    const before = await list();
    expect(await json('rotate', 'card_data', '--resume')).toEqual({ moved: 0, earlier: [] });
    expect(await list()).toEqual(before);
  });

  test('prepare makes the key that the next rotation takes', async () => {
    useFile();
    await json('generate');
    const { prepared } = await json<{ prepared: string }>('prepare', 'card_data');
    expect((await list()).map(({ id }) => id)).not.toContain(prepared);
    expect(await readFile(join(folder, 'keys.json'), 'utf8')).toContain(prepared);
    await json('rotate', 'card_data');
    expect(await active('card_data')).toBe(prepared);
  });

  test('split: any two of three shares open the keys, the passphrase does not; and back again', async () => {
    useFile();
    await json('generate');
    const shares = join(folder, 'shares');
    const split = await json<{ set: string; files: string[] }>(
      'split',
      '--threshold',
      '2',
      '--shares',
      '3',
      '--out',
      shares,
    );
    expect(split.files).toHaveLength(3);
    await expect(keys('rotate', 'grants')).rejects.toMatchObject({ code: 'key_file_locked' });
    vi.stubEnv('VAULT_SHARE_FILES', split.files.slice(1).join(','));
    await json('rotate', 'grants');
    vi.stubEnv('VAULT_SHARE_FILES', split.files[0]);
    await expect(keys('rotate', 'grants')).rejects.toMatchObject({ code: 'shares_too_few' });
    vi.stubEnv('VAULT_SHARE_FILES', `${split.files[0]},${split.files[2]}`);
    await writeFile(join(folder, 'new'), 'another long passphrase');
    expect(await json('passphrase', '--new', join(folder, 'new'))).toMatchObject({
      opens_with: 'passphrase',
    });
    vi.stubEnv('VAULT_PASSPHRASE_FILE', join(folder, 'new'));
    await json('rotate', 'grants');
    const records = (await trail()).slice(-4);
    expect(records.map(({ operation }) => operation)).toEqual([
      'vault_key.rotate',
      'vault_key.relock',
      'vault_key.passphrase',
      'vault_key.rotate',
    ]);
    const splits = (await trail()).filter(
      ({ object }) => (object as { readonly id: string }).id === split.set,
    );
    expect(splits).toMatchObject(
      ['vault_key.relock', 'vault_key.split'].map((operation) => ({
        operation,
        object: { type: 'vault_key_file', id: split.set },
        result: 'done',
        after: { threshold: 2, shares: 3 },
      })),
    );
  });

  test('split is for keys in a file', async () => {
    await expect(keys('split', '--threshold', '2', '--shares', '3', '--out', folder)).rejects.toMatchObject({
      code: 'no_key_file',
    });
  });

  test('print makes keys for the environment; they are put to use in turn', async () => {
    const { out } = await keys('print');
    const printed = out.trim();
    vi.stubEnv('KEY_PROVIDER', 'env');
    vi.stubEnv('VAULT_KEYS', printed);
    await json('generate');
    expect((await list()).map(({ provider }) => provider)).toEqual(KEY_PURPOSES.map(() => 'env'));
    const first = await active('card_data');
    expect(printed).toContain(`card_data:${first}:`);
    await expect(keys('rotate', 'card_data')).rejects.toMatchObject({ code: 'keys_read_only' });
    expect(await active('card_data')).toBe(first);
    const { out: more } = await keys('print', 'card_data');
    vi.stubEnv('VAULT_KEYS', `${printed},${more.trim()}`);
    await json('rotate', 'card_data');
    expect(more).toContain(await active('card_data'));
    await json('retire', first);
    await expect(keys('destroy', first, '--yes')).rejects.toMatchObject({ code: 'keys_read_only' });
    const without = `${printed},${more.trim()}`.split(',').filter((entry) => !entry.includes(first));
    vi.stubEnv('VAULT_KEYS', without.join(','));
    await json('destroy', first, '--yes');
  });

  test('keys in a token', async () => {
    const hsm = await createSoftHsm();
    try {
      vi.stubEnv('KEY_PROVIDER', 'pkcs11');
      vi.stubEnv('PKCS11_MODULE', hsm.module);
      vi.stubEnv('PKCS11_TOKEN_LABEL', hsm.tokenLabel);
      vi.stubEnv('PKCS11_PIN_FILE', hsm.pinFile);
      await json('generate', 'card_data');
      const first = await active('card_data');
      await json('rotate', 'card_data');
      await json('retire', first);
      await json('destroy', first, '--yes');
      expect((await list()).map(({ state, provider }) => `${state} ${provider}`)).toEqual([
        'active pkcs11',
        'destroyed pkcs11',
      ]);
    } finally {
      await hsm.remove();
    }
  });

  test('another key provider takes over: the new key is there, the old one opens where it was', async () => {
    await json('generate', 'card_data');
    useFile();
    vi.stubEnv('KEY_PREVIOUS_PROVIDERS', 'development');
    expect(await json('generate', 'card_data')).toEqual({ made: [] }); // it makes the file
    const { active: key } = await json<{ active: ShownKey }>('rotate', 'card_data');
    expect(key.provider).toBe('file');
    expect((await list()).map(({ state, provider }) => `${state} ${provider}`)).toEqual([
      'active file',
      'decrypt_only development',
    ]);
  });

  test('keys of development are not made in production', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    await expect(keys('generate')).rejects.toMatchObject({ code: 'key_provider_refused' });
  });

  test.each([
    ['no command', []],
    ['another command', ['make']],
    ['no purpose', ['rotate']],
    ['too many words', ['rotate', 'card_data', 'grants']],
    ['an option that there is not', ['rotate', 'card_data', '--force']],
    ['a batch of none', ['rotate', 'card_data', '--batch', '0']],
    ['a destruction without --yes', ['destroy', 'key_x']],
    ['a split without a threshold', ['split', '--shares', '3', '--out', 'x']],
    ['a split of no number', ['split', '--threshold', 'two', '--shares', '3', '--out', 'x']],
    ['a split to nowhere', ['split', '--threshold', '2', '--shares', '3']],
    ['a passphrase from nowhere', ['passphrase']],
  ])('%s is told, with the usage, and is 2', async (_, args) => {
    const { code, out, error } = await keys(...args);
    expect([code, out]).toEqual([2, '']);
    expect(error).toMatch(/^.+\nhushtone keys COMMAND\n/);
  });

  test('an unknown purpose is told', async () => {
    await expect(keys('rotate', 'cards')).rejects.toMatchObject({
      code: 'purpose_unknown',
      message: expect.stringContaining('card_data') as string,
    });
  });

  test('--help is the usage, and 0', async () => {
    const { code, out } = await keys('--help');
    expect(code).toBe(0);
    expect(out).toContain('retire KEY');
  });
});
