import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runAccounts } from '../../../src/cli/accounts.ts';
import { runClients } from '../../../src/cli/clients.ts';
import { runKeys } from '../../../src/cli/keys.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../support/database.ts';

let folder: string;
let db: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-cli-'));
  db = await createTestDatabase();
  vi.stubEnv('DATABASE_URL', db.url);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await db.close();
  await rm(folder, { recursive: true });
});

interface Run {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  readonly json: Record<string, unknown>;
}

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
    const code = await command(args);
    const json = out.startsWith('{') ? (JSON.parse(out) as Record<string, unknown>) : {};
    return { code, out, error, json };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('hushtone accounts', () => {
  it('makes and lists accounts and sets their networks', async () => {
    const made = await hushtone(runAccounts, 'create', '--account', 'acc_a', '--network', '192.0.2.0/24');
    expect(made.code).toBe(0);
    expect(made.json).toMatchObject({ account_id: 'acc_a', networks: ['192.0.2.0/24'] });
    const open = await hushtone(runAccounts, 'set-networks', '--account', 'acc_a', '--any');
    expect(open.json).toMatchObject({ networks: [] });
    const { json } = await hushtone(runAccounts, 'list');
    expect(json).toMatchObject({ accounts: [{ account_id: 'acc_a', networks: [] }] });
  });

  it('opens nothing because an option was forgotten', async () => {
    const { code, error } = await hushtone(runAccounts, 'set-networks', '--account', 'acc_a');
    expect(code).toBe(2);
    expect(error).toContain('--network or --any is missing');
  });
});

describe('hushtone clients', () => {
  const create = async (...more: string[]): Promise<Run> =>
    await hushtone(
      runClients,
      'create',
      '--account',
      'acc_a',
      '--name',
      'CRM',
      '--role',
      'integrator',
      '--role',
      'auditor',
      '--scope',
      'captures:write captures:read',
      ...more,
    );

  it('makes a client and shows its secret once', async () => {
    const { code, json } = await create();
    expect(code).toBe(0);
    expect(json).toMatchObject({
      roles: ['integrator', 'auditor'],
      scopes: ['captures:write', 'captures:read'],
    });
    const list = await hushtone(runClients, 'list', '--account', 'acc_a');
    expect(list.out).toContain(json['secret_id']);
    expect(list.out).not.toContain(json['client_secret']);
    expect(list.out).not.toContain('argon2');
  });

  it('changes a secret with an overlap, and revokes it', async () => {
    const { json } = await create();
    const id = json['client_id'] as string;
    const next = await hushtone(runClients, 'rotate-secret', '--client', id, '--overlap-days', '0.5');
    expect(next.code).toBe(0);
    expect(next.json['client_secret']).not.toBe(json['client_secret']);
    expect(next.json['others']).toMatchObject([{ secret_id: json['secret_id'] }]);
    await expect(hushtone(runClients, 'rotate-secret', '--client', id)).rejects.toMatchObject({
      code: 'client_secrets_full',
    });
    const revoked = await hushtone(
      runClients,
      'revoke-secret',
      '--client',
      id,
      '--secret',
      json['secret_id'] as string,
    );
    expect(revoked.json).toMatchObject({ revoked: true });
  });

  it('takes public keys instead of a secret, and other ones later', async () => {
    const file = join(folder, 'jwks.json');
    const { publicKey } = generateKeyPairSync('ed25519');
    await writeFile(file, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }] }));
    const { json } = await create('--keys', file, '--certificate-bound');
    expect(json).toMatchObject({ keys: [{ kid: 'one', alg: 'EdDSA' }], certificate_bound: true });
    expect(json).not.toHaveProperty('client_secret');
    await writeFile(file, '{"keys":[]}');
    const set = await hushtone(
      runClients,
      'set-keys',
      '--client',
      json['client_id'] as string,
      '--keys',
      file,
    );
    expect(set.json).toMatchObject({ keys: [] });
    await expect(create('--keys', join(folder, 'none.json'))).rejects.toMatchObject({
      code: 'keys_file_invalid',
    });
  });

  it('disables and enables a client, and sets its networks', async () => {
    const id = (await create()).json['client_id'] as string;
    await hushtone(runClients, 'disable', '--client', id);
    const networks = await hushtone(
      runClients,
      'set-networks',
      '--client',
      id,
      '--network',
      '10.0.0.0/8,::1',
    );
    expect(networks.json).toMatchObject({
      networks: ['10.0.0.0/8', '::1/128'],
      disabled_at: expect.any(String) as string,
    });
    await hushtone(runClients, 'enable', '--client', id);
    const { json } = await hushtone(runClients, 'list', '--account', 'acc_a');
    const clients = json['clients'] as { client_id: string; disabled_at?: string }[];
    expect(clients.find((client) => client.client_id === id)).not.toHaveProperty('disabled_at');
  });

  it.each([[], ['erase'], ['create'], ['list', '--everything'], ['constructor'], ['disable', '--client']])(
    'tells what there is when it is asked for %j',
    async (...args) => {
      const { code, error } = await hushtone(runClients, ...args);
      expect(code).toBe(2);
      expect(error).toContain('hushtone clients COMMAND');
    },
  );

  it('wants a schema that is up to date', async () => {
    vi.stubEnv('DATABASE_URL', await createEmptyDatabase());
    try {
      await expect(hushtone(runClients, 'list', '--account', 'acc_a')).rejects.toMatchObject({
        code: 'schema_outdated',
      });
    } finally {
      vi.stubEnv('DATABASE_URL', db.url);
    }
  });
});

describe('hushtone keys', () => {
  it('makes a signing key in a new file that only its owner can read', async () => {
    const file = join(folder, 'token.pem');
    const { code, out, error } = await hushtone(runKeys, 'create-signing', '--out', file);
    expect([code, out]).toEqual([0, '']);
    expect(error).toMatch(/^kid [A-Za-z0-9_-]{43}\n$/);
    expect(createPrivateKey(await readFile(file, 'utf8')).asymmetricKeyType).toBe('ed25519');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const before = await readFile(file, 'utf8');
    await expect(hushtone(runKeys, 'create-signing', '--out', file)).rejects.toMatchObject({
      code: 'key_file_not_written',
    });
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it('or on standard output', async () => {
    const { out } = await hushtone(runKeys, 'create-signing');
    expect(createPrivateKey(out).asymmetricKeyType).toBe('ed25519');
  });

  it.each([[], ['create'], ['create-signing', '--out'], ['create-signing', 'x', 'y']])(
    'tells how it is used when it is asked for %j',
    async (...args) => {
      expect((await hushtone(runKeys, ...args)).code).toBe(2);
    },
  );
});
