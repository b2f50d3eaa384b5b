import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { newId } from '../kernel/ids.ts';
import { Limited } from './limited.ts';

/** Argon2id with the least that OWASP's password storage cheat sheet asks for: 19 MiB, two passes, one lane. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** What a client sends: the secret's own id, so that one hash decides, and 256 random bits. */
const SECRET = /^(sec_[0-9a-z]{26})\.[A-Za-z0-9_-]{43}$/;

/**
 * A hash is 25 ms of work in Node's pool of four threads, which the rest of the gateway needs too. Half of them at
 * most work for strangers, and nobody waits longer than about a second.
 */
const hashing = new Limited({ running: 2, waiting: 64 });

export interface NewClientSecret {
  readonly id: string;
  /** Shown once, to whoever asked for it. */
  readonly secret: string;
  /** PHC string: all that is kept. */
  readonly hash: string;
}

export async function createClientSecret(): Promise<NewClientSecret> {
  const id = newId('sec');
  const secret = `${id}.${randomBytes(32).toString('base64url')}`;
  return { id, secret, hash: await hash(secret, ARGON2) };
}

/** The id of the secret that this text may be; undefined for a text that no secret of ours looks like. */
export function secretIdOf(text: string): string | undefined {
  return SECRET.exec(text)?.[1];
}

let nobody: Promise<string> | undefined;

/** The hash of a secret that nobody has. */
function hashOfNobody(): Promise<string> {
  return (nobody ??= hash(randomBytes(32), ARGON2));
}

/**
 * Is this the secret that `expected` is the hash of? Without `expected` it never is, and takes as long: how long the
 * answer takes does not tell whether there is such a client. Rejects with `too_busy`.
 */
export async function isClientSecret(secret: string, expected: string | undefined): Promise<boolean> {
  return await hashing.run(async () => {
    const right = await verify(expected ?? (await hashOfNobody()), secret);
    return right && expected !== undefined;
  });
}
