import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
const RUN_TYPESCRIPT = new URL('../../support/run-typescript.mjs', import.meta.url).href;

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Makes a secret in a process of its own and tells what came of it. */
async function makeSecret(setUp: readonly string[], sources = SRC): Promise<unknown> {
  const program = `
    import { SecretBuffer } from ${JSON.stringify(pathToFileURL(join(sources, 'secrets/secret-buffer.ts')))};
    try {
      new SecretBuffer(19);
      console.log(JSON.stringify({ code: 'none' }));
    } catch ({ code, kind, message }) {
      console.log(JSON.stringify({ code, kind, message }));
    }`;
  const node = ['--import', RUN_TYPESCRIPT, '--input-type=module', '--eval', program];
  const child = spawn(
    '/bin/sh',
    ['-c', `${setUp.join('\n')}\nexec "$@"`, 'sh', ...withoutPrivilege(), process.execPath, ...node],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (out === '') throw new Error(errors);
  return JSON.parse(out);
}

/** Root may lock as much as it likes (CAP_IPC_LOCK); without that it is like everyone. See setpriv(1). */
function withoutPrivilege(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  return ['setpriv', '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock', '--'];
}

describe('allocateLockedMemory', () => {
  it('needs no more than the memory', async () => {
    expect(await makeSecret(['ulimit -l 2048'])).toEqual({ code: 'none' });
  });

  it('says that the limit of locked memory is too low, and how to raise it', async () => {
    expect(await makeSecret(['ulimit -l 2044'])).toEqual({
      code: 'secret_memory_limit',
      kind: 'unavailable',
      message:
        '2048 KiB for secrets cannot be locked in memory: the limit of locked memory (RLIMIT_MEMLOCK) is too low at 2044 KiB for the process; ' +
        'raise it (ulimit -l, LimitMEMLOCK= in a systemd unit, --ulimit memlock= for a container) or lower SECRET_MEMORY_KIB',
    });
  });

  it('says that the addon is missing, and takes no other memory', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'hushtone-no-addon-'));
    directories.push(copy);
    for (const folder of ['kernel', 'secrets'])
      cpSync(join(SRC, folder), join(copy, folder), { recursive: true });
    expect(await makeSecret([], `${copy}/`)).toEqual({
      code: 'secret_memory_unavailable',
      kind: 'unavailable',
      message: `there is no memory for secrets: sodium-native cannot be loaded on ${process.platform} ${process.arch}`,
    });
  });
});
