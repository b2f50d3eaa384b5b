import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBinaries } from '../../../src/db/embedded-postgres/binaries.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../src/db/embedded.ts';
import { execute, makeDataDir } from '../../support/database.ts';

const IS_ROOT = process.getuid?.() === 0;
const IS_LINUX = process.platform === 'linux';

let dataDir: string;
const started: EmbeddedPostgres[] = [];

beforeEach(async () => {
  dataDir = await makeDataDir();
});

afterEach(async () => {
  // All of them before anything is removed: several may have had the same directory, one after the other.
  const all = started.splice(0);
  for (const postgres of all) await postgres.stop();
  for (const { directory } of all) await rm(directory, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
});

async function start(options: { dataDir?: string; disposable?: boolean } = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, ...options });
  started.push(postgres);
  return postgres;
}

const dataOf = (postgres: EmbeddedPostgres): string => join(postgres.directory, 'data');

async function postmasterPid(postgres: EmbeddedPostgres): Promise<number> {
  return Number.parseInt(await readFile(join(dataOf(postgres), 'postmaster.pid'), 'utf8'), 10);
}

async function pidOfNobody(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

/** Runs the server once more with its own command line, as if the process that started it had been killed. */
async function leaveOrphan(postgres: EmbeddedPostgres): Promise<number> {
  await postgres.stop();
  const commandLine = await readFile(join(dataOf(postgres), 'postmaster.opts'), 'utf8');
  const [program = '', ...quoted] = commandLine.trim().split(' ');
  const owner = await pidOfNobody();
  const args = quoted.map((word) =>
    word.slice(1, -1).replace(/^hushtone\.owner_pid=\d+$/, `hushtone.owner_pid=${owner}`),
  );
  const { uid, gid } = await stat(dataOf(postgres));
  const child = spawn(program, args, {
    ...(IS_ROOT && { uid, gid }),
    cwd: '/',
    stdio: 'ignore',
    detached: true,
  });
  child.unref();
  await expect
    .poll(() => execute(postgres.url, 'select 1 as one').catch(() => []), { timeout: 20_000 })
    .toHaveLength(1);
  return postmasterPid(postgres);
}

test('data and password outlive the server', async () => {
  const first = await start();
  await execute(first.url, 'create table kept (value text)');
  await execute(first.url, `insert into kept values ('still here')`);
  await first.stop();
  await expect(execute(first.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  const second = await start();
  expect(await execute(second.url, 'select value from kept')).toEqual([{ value: 'still here' }]);
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
});

test('the server listens on the loopback only and asks for the password', async () => {
  const postgres = await start({ disposable: true });
  expect(new URL(postgres.url).hostname).toBe('127.0.0.1');
  const [settings] = await execute(
    postgres.url,
    `select current_setting('listen_addresses') as tcp, current_setting('unix_socket_directories') as unix`,
  );
  expect(settings).toEqual({ tcp: '127.0.0.1', unix: '' });
  const guess = new URL(postgres.url);
  guess.password = 'postgres';
  await expect(execute(guess.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
});

test.runIf(IS_LINUX)('the server gets nothing of our environment', async () => {
  process.env['HUSHTONE_PROBE'] = 'a secret of the parent';
  try {
    const postgres = await start({ disposable: true });
    const environment = await readFile(`/proc/${await postmasterPid(postgres)}/environ`, 'utf8');
    expect(environment).not.toContain('HUSHTONE_PROBE');
    expect(environment).toContain('PATH=');
  } finally {
    delete process.env['HUSHTONE_PROBE'];
  }
});

test('only its owner may read the data and the password', async () => {
  const postgres = await start({ disposable: true });
  const modeOf = async (...path: string[]): Promise<number> =>
    (await stat(join(dataOf(postgres), ...path))).mode & 0o777;
  expect(await modeOf()).toBe(0o700);
  expect(await modeOf('hushtone-password')).toBe(0o600);
});

test('a disposable server leaves nothing behind', async () => {
  const postgres = await start({ disposable: true });
  await postgres.stop();
  await expect(stat(postgres.directory)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a server that runs already is shared, and only the one that started it stops it', async () => {
  const first = await start();
  const second = await start();
  expect(second.url).toBe(first.url);
  await second.stop();
  expect(await execute(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('of several that start at once on empty data, all get the same server', async () => {
  const [one, two, three] = await Promise.all([start(), start(), start()]);
  expect(two.url).toBe(one.url);
  expect(three.url).toBe(one.url);
  expect(await execute(one.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('the server of a killed process is stopped and started anew on the same port', async () => {
  const first = await start();
  await execute(first.url, 'create table kept (value text)');
  const orphan = await leaveOrphan(first);
  const second = await start();
  expect(await postmasterPid(second)).not.toBe(orphan);
  expect(second.url).toBe(first.url);
  expect(await execute(second.url, 'select value from kept')).toEqual([]);
});

test.runIf(IS_LINUX)(
  'a left-over postmaster.pid whose number belongs to another program is no obstacle',
  async () => {
    const first = await start();
    const file = join(dataOf(first), 'postmaster.pid');
    const [, ...rest] = (await readFile(file, 'utf8')).split('\n');
    const { uid, gid } = await stat(file);
    await first.stop();
    await writeFile(file, [process.pid, ...rest].join('\n'), { mode: 0o600 });
    await chown(file, uid, gid);
    const second = await start();
    expect(await execute(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  },
);

test.runIf(IS_ROOT)(
  'as root below a directory that nobody else can enter, the data lives elsewhere',
  async () => {
    const closed = await mkdtemp(join(tmpdir(), 'hushtone-closed-'));
    try {
      await chmod(closed, 0o700);
      const postgres = await start({ dataDir: join(closed, 'data') });
      expect(postgres.directory.startsWith(closed)).toBe(false);
      expect(await execute(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    } finally {
      await rm(closed, { recursive: true, force: true });
    }
  },
);

describe('the installed programs', () => {
  async function makePackage(): Promise<string> {
    const native = join(dataDir, 'package', 'native');
    await mkdir(join(native, 'bin'), { recursive: true });
    await mkdir(join(native, 'lib'));
    for (const name of ['initdb', 'postgres'])
      await writeFile(join(native, 'bin', name), name, { mode: 0o755 });
    await writeFile(join(native, 'lib', 'libpq.so.5.18'), 'library');
    const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
    await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));
    return native;
  }

  test('without their library links are refused, and the error says what to do', async () => {
    const native = await makePackage();
    const attempt = findBinaries(undefined, dataDir, { native, version: '1' });
    await expect(attempt).rejects.toMatchObject({
      code: 'embedded_postgres_incomplete',
      message: expect.stringContaining('--ignore-scripts') as string,
    });
  });

  test('are used where they lie, or copied to where the user of the server can run them', async () => {
    const native = await makePackage();
    await symlink('libpq.so.5.18', join(native, 'lib', 'libpq.so.5'));
    const user = { uid: 65_533, gid: 65_533 };
    const here = await findBinaries(user, dataDir, { native, version: '1' });
    expect(here.postgres).toBe(join(native, 'bin', 'postgres'));
    await chmod(join(dataDir, 'package'), 0o700);
    const copies = await Promise.all([
      findBinaries(user, dataDir, { native, version: '1' }),
      findBinaries(user, dataDir, { native, version: '1' }),
    ]);
    expect(copies[0]).toEqual(copies[1]);
    expect(copies[0].postgres).toBe(join(dataDir, 'server-1', 'bin', 'postgres'));
    expect(await readFile(join(dataDir, 'server-1', 'lib', 'libpq.so.5'), 'utf8')).toBe('library');
  });
});
