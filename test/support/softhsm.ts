import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Debian: the package softhsm2 links it here on every architecture; without the link it is in the folder of its own. */
const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
];

export interface SoftHsm {
  readonly module: string;
  readonly tokenLabel: string;
  readonly pinFile: string;
  /** Names this token's configuration in the environment. */
  readonly environment: { readonly SOFTHSM2_CONF: string };
  remove(): Promise<void>;
}

/** A token of SoftHSM, a PKCS#11 module in software, in a folder of its own. This process sees it too. */
export async function createSoftHsm(): Promise<SoftHsm> {
  const module = MODULES.find((path) => existsSync(path));
  if (module === undefined) {
    throw new Error('SoftHSM is missing: run apt-get install softhsm2 as root');
  }
  const folder = await mkdtemp(join(tmpdir(), 'hushtone-softhsm-'));
  const configuration = join(folder, 'softhsm2.conf');
  const pinFile = join(folder, 'pin');
  await mkdir(join(folder, 'tokens'));
  await writeFile(
    configuration,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`,
  );
  await writeFile(pinFile, '27182818\n', { mode: 0o600 });
  const environment = { SOFTHSM2_CONF: configuration };
  // The library is loaded into this process and reads it there.
  Object.assign(process.env, environment);
  await promisify(execFile)(
    'softhsm2-util',
    [
      '--module',
      module,
      '--init-token',
      '--free',
      '--label',
      'hushtone',
      '--so-pin',
      '31415926',
      '--pin',
      '27182818',
    ],
    { env: { ...process.env, ...environment } },
  );
  return {
    module,
    tokenLabel: 'hushtone',
    pinFile,
    environment,
    remove: async () => await rm(folder, { recursive: true, force: true }),
  };
}
