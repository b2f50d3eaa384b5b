import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { BASE_PATH, startAdyenDouble, type AdyenDouble } from '../../../simulators/doubles/adyen/double.ts';
import { startStripeDouble, type StripeDouble } from '../../../simulators/doubles/stripe/double.ts';
import { runAccounts } from '../../../src/cli/accounts.ts';
import { runProviders } from '../../../src/cli/providers.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { makeTlsMaterial } from '../../support/tls-peers.ts';
import { run, type Run } from '../../unit/cli/run.ts';

const API_KEY = 'AQEthmfxKo3MaxZDw0m-commands';
const STRIPE_KEY = 'sk_test_hushtoneCommands01';

let folder: string;
let db: TestDatabase;
let double: AdyenDouble;
let stripe: StripeDouble;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-providers-'));
  db = await createTestDatabase();
  const { ca, server } = await makeTlsMaterial();
  double = await startAdyenDouble({
    tls: { ca, ...server },
    apiKey: API_KEY,
    merchantAccount: 'HushtoneTelephone',
  });
  stripe = await startStripeDouble({ tls: { ca, ...server }, secretKey: STRIPE_KEY });
  environment = { DATABASE_URL: db.url, DATA_DIR: folder, NODE_ENV: 'test' };
  await run(runAccounts, ['create', '--account', 'acc_a'], environment);
  await run(runAccounts, ['create', '--account', 'acc_b'], environment);
});

afterEach(async () => {
  await double.reset();
  await stripe.reset();
});

afterAll(async () => {
  await double.close();
  await stripe.close();
  await db.close();
  await rm(folder, { recursive: true });
});

const hushtone = async (...args: string[]): Promise<Run> => await run(runProviders, args, environment);

const configurationOf = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
  api_key: API_KEY,
  merchant_account: 'HushtoneTelephone',
  encryption_key: double.encryptionKey,
  return_url: 'https://merchant.example/telephone',
  base_url: `${double.url}${BASE_PATH}`,
  ca: double.ca,
  ...change,
});

const addArguments = (account: string, name: string): string[] =>
  `add --kind adyen --mode test --account ${account} --name ${name}`.split(' ');

let files = 0;
async function add(account: string, name: string, change: Record<string, unknown> = {}): Promise<Run> {
  const file = join(folder, `configuration-${(files += 1)}.json`);
  await writeFile(file, JSON.stringify(configurationOf(change)));
  return await hushtone(...addArguments(account, name), '--file', file);
}

async function addStripe(mode: 'test' | 'live', secretKey: string): Promise<Run> {
  const file = join(folder, `configuration-${(files += 1)}.json`);
  await writeFile(file, JSON.stringify({ secret_key: secretKey, base_url: stripe.url, ca: stripe.ca }));
  const args = `add --account acc_b --kind stripe --name Stripe --mode ${mode} --file ${file}`;
  return await hushtone(...args.split(' '));
}

const idOf = ({ stdout }: Run): string => (JSON.parse(stdout) as { id: string }).id;

describe('hushtone providers add', () => {
  it('takes the configuration from a file, shows no secret, and is on record', async () => {
    const added = await add('acc_a', 'Main');
    expect(added).toMatchObject({ result: 0, stderr: '' });
    expect(JSON.parse(added.stdout)).toMatchObject({
      kind: 'adyen',
      mode: 'test',
      configuration: { api_key: { set: true, hint: 'ands' }, merchant_account: 'HushtoneTelephone' },
    });
    expect(added.stdout).not.toContain(API_KEY);
    const [audited] = await execute<{ record: string }>(
      db.url,
      `select record from audit_records where account_id = 'acc_a' and record like '%provider.create%'`,
    );
    expect(JSON.parse(audited?.record ?? '{}')).toMatchObject({
      operation: 'provider.create',
      actor: { kind: 'operator' },
    });
    const listed = await hushtone('list', '--account', 'acc_a');
    expect(JSON.parse(listed.stdout)).toEqual({ providers: [JSON.parse(added.stdout)] });
    expect((await hushtone('list', '--account', 'acc_b')).stdout).toContain('"providers": []');
  });

  it('takes it from standard input', async () => {
    const input = Readable.from([Buffer.from(JSON.stringify(configurationOf()))]);
    const stdin = vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as typeof process.stdin);
    try {
      const args = ['add', '--account', 'acc_a', '--kind', 'adyen', '--name', 'Piped', '--mode', 'test'];
      expect((await hushtone(...args)).result).toBe(0);
    } finally {
      stdin.mockRestore();
    }
  });

  it('says what is wrong by its member, and quotes no secret', async () => {
    expect((await add('acc_a', 'Wrong', { api_key: 7 })).result).toMatchObject({
      code: 'provider_configuration',
      message: 'configuration/api_key must be string.',
    });
    const broken = join(folder, 'broken.json');
    await writeFile(broken, `{"api_key": "${API_KEY}" oops`);
    const { result } = await hushtone(...addArguments('acc_a', 'n'), '--file', broken);
    expect(result).toMatchObject({
      code: 'configuration_unreadable',
      message: `${broken} holds no JSON`,
    });
    expect(JSON.stringify([(result as Error).message, String((result as Error).cause)])).not.toContain('AQE');
    const missing = join(folder, 'missing.json');
    expect((await hushtone(...addArguments('acc_a', 'n'), '--file', missing)).result).toMatchObject({
      code: 'configuration_unreadable',
      message: `${missing} cannot be read`,
    });
  });

  it('refuses what it cannot have meant', async () => {
    expect((await add('acc_mistyped', 'Main')).result).toMatchObject({ code: 'account_not_found' });
    const args = ['add', '--account', 'acc_a', '--kind', 'adyen', '--name', 'n'];
    expect(await hushtone(...args, '--mode', 'production')).toMatchObject({ result: 2 });
    // A configuration in an argument is one that everybody on the machine reads.
    expect(await hushtone(...args, '--mode', 'test', '--configuration', '{}')).toMatchObject({ result: 2 });
    expect(await hushtone('rename')).toMatchObject({ result: 2 });
    expect(await hushtone('check', '--everything')).toMatchObject({ result: 2 });
    expect((await hushtone('--help')).stdout).toContain('adyen');
  });
});

describe('hushtone providers check', () => {
  it('prints a line for each provider and exits with 0 when nothing is wrong', async () => {
    const id = idOf(await add('acc_b', 'Shop'));
    const { result, stdout } = await hushtone('check', '--account', 'acc_b');
    expect(stdout).toBe(`acc_b ${id} adyen test "Shop": ok\n`);
    expect(result).toBe(0);
    expect(await double.ledger()).toEqual([]);
  });

  it.each([
    ['MOTO not enabled', async () => double.change({ moto: false }), 'moto_not_enabled'],
    ['no cards', async () => double.change({ cards: false }), 'configuration_refused'],
    [
      'an unknown merchant account',
      async () => double.change({ merchantAccount: 'Other' }),
      'merchant_account_unknown',
    ],
    ['another encryption key', async () => await double.rotateEncryptionKey(), 'encryption_key_unknown'],
  ])('says in one line what is wrong, and exits with 1: %s', async (_name, spoil, code) => {
    const id = idOf(await add('acc_b', 'Spoilt'));
    await spoil();
    const { result, stdout } = await hushtone('check', '--provider', id);
    expect(stdout).toMatch(new RegExp(`^acc_b ${id} adyen test "Spoilt": ${code}: [^\n]+\\.?\n$`));
    expect(result).toBe(1);
    expect(await double.ledger()).toEqual([]);
  });

  it.each([
    [{ rawCardData: true, moto: true }, ': ok'],
    [{ rawCardData: false, moto: true }, ': raw_card_data_not_enabled: [^;\n]+'],
    [{ rawCardData: true, moto: false }, ': moto_not_enabled: [^;\n]+'],
    [{ rawCardData: false, moto: false }, ': raw_card_data_not_enabled: [^;\n]+; moto_not_enabled: [^;\n]+'],
  ])('says which of the two permissions is missing at an account: %o', async (gates, said) => {
    const id = idOf(await addStripe('test', STRIPE_KEY));
    stripe.setGates(gates);
    const { result, stdout } = await hushtone('check', '--provider', id);
    expect(stdout).toMatch(new RegExp(`^acc_b ${id} stripe test "Stripe"${said}\n$`));
    expect(result).toBe(said === ': ok' ? 0 : 1);
    expect(await stripe.ledger()).toEqual([]);
    await execute(db.url, `update providers set state = 'disabled', version = version + 1 where id = $1`, [
      id,
    ]);
  });

  it('is not even reached with the credentials of the other mode', async () => {
    expect((await addStripe('test', 'sk_live_hushtoneCommands01')).result).toMatchObject({
      code: 'wrong_mode',
      message: 'These are live credentials, and the provider is configured for the mode test.',
    });
    expect((await addStripe('live', STRIPE_KEY)).result).toMatchObject({ code: 'wrong_mode' });
  });

  it('says that the credentials are refused, or that nobody answers', async () => {
    const stranger = idOf(await add('acc_b', 'Stranger', { api_key: 'AQEthmfxKo3MaxZDw0m-other' }));
    const refused = await hushtone('check', '--provider', stranger);
    expect(refused).toMatchObject({ result: 1 });
    expect(refused.stdout).toContain(': authentication_failed: ');
    expect(refused.stdout + refused.stderr).not.toContain('AQE');
    const nowhere = idOf(await add('acc_b', 'Nowhere', { base_url: 'https://127.0.0.1:1/v72' }));
    expect((await hushtone('check', '--provider', nowhere)).stdout).toContain(': unreachable: ');
  });

  it('says that a configuration cannot be used, and checks the others all the same', async () => {
    const broken = idOf(await add('acc_b', 'Broken'));
    await execute(db.url, 'delete from provider_secrets where provider_id = $1', [broken]);
    const { result, stdout } = await hushtone('check');
    expect(result).toBe(1);
    expect(stdout).toContain(`acc_b ${broken} adyen test "Broken": configuration_refused: `);
    expect(stdout).toMatch(/^acc_a \S+ adyen test "Main": ok$/m);
    // It takes no payments.
    expect(stdout).toMatch(/^acc_b \S+ stripe test "Stripe": disabled, not checked$/m);
    expect(stdout.trimEnd().split('\n')).toHaveLength(
      (await execute<{ id: string }>(db.url, 'select id from providers where deleted_at is null')).length,
    );
  });

  it('knows a provider that there is not', async () => {
    expect((await hushtone('check', '--provider', 'prv_none')).result).toMatchObject({
      code: 'provider_not_found',
    });
  });
});
