import { verify } from '@node-rs/argon2';
import { describe, expect, it } from 'vitest';
import { createClientSecret, isClientSecret, secretIdOf } from '../../../src/access/client-secret.ts';
import { Limited } from '../../../src/access/limited.ts';

describe('a client secret', () => {
  it('is 256 random bits behind its own id, and is kept as Argon2id with 19 MiB and two passes', async () => {
    const { id, secret, hash } = await createClientSecret();
    expect(secret).toMatch(/^sec_[0-9a-z]{26}\.[A-Za-z0-9_-]{43}$/);
    expect(secretIdOf(secret)).toBe(id);
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await verify(hash, secret)).toBe(true);
    const other = await createClientSecret();
    expect(other.secret.split('.')[1]).not.toBe(secret.split('.')[1]);
  });

  it('is known by its hash alone', async () => {
    const { secret, hash } = await createClientSecret();
    expect(await isClientSecret(secret, hash)).toBe(true);
    expect(await isClientSecret(`${secret}x`, hash)).toBe(false);
    expect(await isClientSecret('', hash)).toBe(false);
  });

  it('is wrong without a hash to compare it with, after the same work', async () => {
    const { secret } = await createClientSecret();
    expect(await isClientSecret(secret, undefined)).toBe(false);
  });

  it.each(['', 'sec_', 'x'.repeat(74), 'sec_00000000000000000000000000', '4242424242424242'])(
    'is not %j',
    (text) => expect(secretIdOf(text)).toBeUndefined(),
  );
});

describe('work that is limited', () => {
  /** A task that ends when the test says so. */
  function task(): { run: () => Promise<string>; end: () => void; started: () => boolean } {
    let end = (): void => undefined;
    let started = false;
    const ended = new Promise<void>((resolve) => (end = resolve));
    return {
      run: async () => {
        started = true;
        await ended;
        return 'done';
      },
      end: () => end(),
      started: () => started,
    };
  }

  it('runs so many at once, lets so many wait, and turns the rest away', async () => {
    const limited = new Limited({ running: 1, waiting: 1 });
    const [first, second, third] = [task(), task(), task()];
    const running = limited.run(first.run);
    const waiting = limited.run(second.run);
    await expect(limited.run(third.run)).rejects.toMatchObject({ code: 'too_busy', kind: 'unavailable' });
    expect([first.started(), second.started(), third.started()]).toEqual([true, false, false]);
    first.end();
    await running;
    second.end();
    await expect(waiting).resolves.toBe('done');
    third.end();
    await expect(limited.run(third.run)).resolves.toBe('done');
  });

  it('goes on after a task that fails', async () => {
    const limited = new Limited({ running: 1, waiting: 1 });
    const failing = limited.run(async () => await Promise.reject(new Error('no')));
    const next = limited.run(async () => await Promise.resolve('done'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('done');
  });
});
