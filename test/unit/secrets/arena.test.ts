import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type * as ArenaModule from '../../../src/secrets/arena.ts';
import type * as SecretModule from '../../../src/secrets/secret-buffer.ts';

const KIB = 1024;
const withCode = (code: string): Error => expect.objectContaining({ code, kind: 'unavailable' }) as Error;

let arena: typeof ArenaModule;
let SecretBuffer: typeof SecretModule.SecretBuffer;

/** Every test is a process's start: none has memory yet. */
beforeEach(async () => {
  vi.resetModules();
  arena = await import('../../../src/secrets/arena.ts');
  ({ SecretBuffer } = await import('../../../src/secrets/secret-buffer.ts'));
});

/** How many mappings of this size the kernel keeps out of swap (`lo`) and core files (`dd`); see proc_pid_smaps(5). */
function protectedMappings(kibibytes: number): number {
  const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const size = new RegExp(`^Size: +${kibibytes} kB$`, 'm');
  return mappings.filter((mapping) => size.test(mapping) && /^VmFlags:.* lo .*\bdd\b/m.test(mapping)).length;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('the memory for secrets', () => {
  it('is made by the first secret, once, of the default size', () => {
    expect(protectedMappings(2048 + 4)).toBe(0);
    expect(arena.secretMemoryUse()).toEqual({ bytes: 0, takenBytes: 0 });
    using first = new SecretBuffer(19);
    using second = new SecretBuffer(4096);
    expect(first.length + second.length).toBe(0);
    expect(arena.secretMemoryUse()).toEqual({ bytes: 2048 * KIB, takenBytes: 64 + 4096 });
    // A page more for libsodium's canary.
    expect(protectedMappings(2048 + 4)).toBe(1);
  });

  it('is made at start-up in another size', () => {
    arena.prepareSecretMemory(64 * KIB);
    arena.prepareSecretMemory(64 * KIB);
    expect(arena.secretMemoryUse()).toEqual({ bytes: 64 * KIB, takenBytes: 0 });
    expect(() => arena.prepareSecretMemory(128 * KIB)).toThrow(
      expect.objectContaining({ code: 'secret_memory_prepared' }) as Error,
    );
  });

  it('is given back with the wipe, and once only', () => {
    arena.prepareSecretMemory(64 * KIB);
    const secret = new SecretBuffer(300);
    expect(arena.secretMemoryUse().takenBytes).toBe(1024);
    secret.wipe();
    secret.wipe();
    secret[Symbol.dispose]();
    expect(arena.secretMemoryUse().takenBytes).toBe(0);
  });

  it('says so when it is used up, and goes on when there is some again', () => {
    arena.prepareSecretMemory(8 * KIB);
    using kept = new SecretBuffer(19);
    kept.append(0x34);
    const another = new SecretBuffer(4096);
    const refused = (): unknown => new SecretBuffer(2000);
    expect(refused).toThrow(withCode('secret_memory_full'));
    expect(refused).toThrow(/8 KiB .* SECRET_MEMORY_KIB/);
    another.wipe();
    using later = new SecretBuffer(2000);
    expect(later.use((view) => view.length)).toBe(0);
    expect(kept.use((view) => [...view])).toEqual([0x34]);
  });

  it('holds all secrets side by side, and none in another', () => {
    arena.prepareSecretMemory(64 * KIB);
    const secrets = Array.from({ length: 100 }, (_, index) => {
      const secret = new SecretBuffer(64);
      secret.appendBytes(new Uint8Array(64).fill(index));
      return secret;
    });
    const views = secrets.map((secret) => secret.use((view) => view));
    expect(new Set(views.map(({ buffer }) => buffer)).size).toBe(1);
    for (const [index, view] of views.entries()) expect(view.every((byte) => byte === index)).toBe(true);
  });

  it('is wiped and given back when a secret was forgotten', async () => {
    arena.prepareSecretMemory(64 * KIB);
    const views: Uint8Array[] = [];
    const forget = (): void => {
      const secret = new SecretBuffer(19);
      secret.appendBytes(Buffer.from('4242424242424242'));
      views.push(secret.use((view) => view));
    };
    forget();
    using kept = new SecretBuffer(19);
    kept.append(0x37);
    expect(arena.secretMemoryUse().takenBytes).toBe(128);
    while (arena.secretMemoryUse().takenBytes > 64) {
      collectGarbage();
      await nextTurn();
    }
    expect(views.flatMap((view) => [...view])).toEqual(Array.from({ length: 16 }, () => 0));
    expect(kept.use((view) => [...view])).toEqual([0x37]);
  });

  it('is not given back twice when a wiped secret is collected', async () => {
    arena.prepareSecretMemory(64 * KIB);
    const collected = new FinalizationRegistry<string>((name) => names.push(name));
    const names: string[] = [];
    const wipe = (): void => {
      const secret = new SecretBuffer(19);
      collected.register(secret, 'wiped');
      secret.wipe();
    };
    wipe();
    using kept = new SecretBuffer(19);
    kept.append(0x37);
    while (names.length === 0) {
      collectGarbage();
      await nextTurn();
    }
    await nextTurn();
    expect(arena.secretMemoryUse().takenBytes).toBe(64);
    expect(kept.use((view) => [...view])).toEqual([0x37]);
  });
});

describe('a worker thread', () => {
  it('has memory of its own, which goes with it', async () => {
    arena.prepareSecretMemory(64 * KIB);
    const worker = new Worker(new URL('secret-thread.mjs', import.meta.url), {
      execArgv: ['--import', new URL('../../support/run-typescript.mjs', import.meta.url).href],
    });
    const told = await new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(told).toEqual({ bytes: 200 * KIB, takenBytes: 64, read: '4242' });
    expect(protectedMappings(200 + 4)).toBe(1);
    await worker.terminate();
    expect(protectedMappings(200 + 4)).toBe(0);
    expect(arena.secretMemoryUse()).toEqual({ bytes: 64 * KIB, takenBytes: 0 });
  });
});
