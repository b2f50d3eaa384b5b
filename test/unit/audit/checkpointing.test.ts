import { generateKeyPairSync } from 'node:crypto';
import { CompactSign, decodeProtectedHeader } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChainHead } from '../../../src/audit/chain.ts';
import {
  checkpointSigner,
  checkpointVerifier,
  type CheckpointSigner,
} from '../../../src/audit/checkpoint.ts';
import type { CheckpointStore, SignedCheckpoint } from '../../../src/audit/checkpoint-store.ts';
import { startCheckpointing } from '../../../src/audit/checkpointing.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { ManualClock } from '../telephony/rtpengine/manual-clock.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const HASH = 'h'.repeat(43);

/** Heads and checkpoints in memory. */
class MemoryStore implements CheckpointStore {
  readonly heads = new Map<string, ChainHead>();
  readonly saved: SignedCheckpoint[] = [];
  failure: Error | undefined;

  async due(accountId?: string): ReturnType<CheckpointStore['due']> {
    if (this.failure !== undefined) throw this.failure;
    return [...this.heads]
      .filter(([account]) => accountId === undefined || account === accountId)
      .filter(
        ([account, { sequence }]) =>
          !this.saved.some((one) => one.accountId === account && one.sequence >= sequence),
      )
      .map(([account, head]) => ({ accountId: account, ...head }));
  }

  async save(checkpoint: SignedCheckpoint): Promise<void> {
    this.saved.push(checkpoint);
  }

  async latest(): Promise<SignedCheckpoint[]> {
    return this.saved.slice(-1);
  }
}

let clock: ManualClock;
let store: MemoryStore;
let sign: CheckpointSigner;

beforeEach(async () => {
  clock = new ManualClock();
  store = new MemoryStore();
  sign = await checkpointSigner(privateKey);
});

/** Signing is done by another thread: its answer comes when it comes. */
async function until(count: number): Promise<void> {
  while (store.saved.length < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('regular checkpoints', () => {
  test('come at the start, and again when a chain has grown', async () => {
    store.heads.set('acc_a', { sequence: 3, hash: HASH });
    const checkpointing = startCheckpointing({ store, sign, clock, everyMs: 60_000, logger: silentLogger });
    await until(1);
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(store.saved).toHaveLength(1);
    store.heads.set('acc_a', { sequence: 5, hash: HASH });
    await clock.advance(60_000);
    await until(2);
    await checkpointing.stop();
    expect(clock.pending).toBe(0);
    const verify = await checkpointVerifier([publicKey]);
    expect(await Promise.all(store.saved.map(async ({ jws }) => await verify(jws)))).toEqual([
      { account: 'acc_a', sequence: 3, hash: HASH, at: '1970-01-01T00:00:00.000Z' },
      { account: 'acc_a', sequence: 5, hash: HASH, at: '1970-01-01T00:02:00.000Z' },
    ]);
  });

  test('go on after a failure', async () => {
    store.heads.set('acc_a', { sequence: 3, hash: HASH });
    store.failure = new Error('no database');
    const checkpointing = startCheckpointing({ store, sign, clock, everyMs: 60_000, logger: silentLogger });
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(store.saved).toEqual([]);
    store.failure = undefined;
    await clock.advance(60_000);
    await until(1);
    await checkpointing.stop();
  });
});

describe('a signed checkpoint', () => {
  const checkpoint = { account: 'acc_a', sequence: 7, hash: HASH, at: '2026-03-04T05:06:07.890Z' };

  test('says what was signed', async () => {
    const verify = await checkpointVerifier([publicKey]);
    await expect(verify(await sign(checkpoint))).resolves.toEqual(checkpoint);
  });

  test('of an earlier key is taken when that key is given too', async () => {
    const earlier = generateKeyPairSync('ed25519');
    const jws = await (await checkpointSigner(earlier.privateKey))(checkpoint);
    const both = await checkpointVerifier([publicKey, earlier.publicKey]);
    await expect(both(jws)).resolves.toEqual(checkpoint);
    const one = await checkpointVerifier([publicKey]);
    await expect(one(jws)).rejects.toMatchObject({ code: 'audit_checkpoint_invalid' });
  });

  test.each(['JWT', 'at+jwt', undefined])(
    'of the same key is none when its type is %s: the key may sign other things',
    async (typ) => {
      const { kid } = decodeProtectedHeader(await sign(checkpoint));
      const other = await new CompactSign(Buffer.from(JSON.stringify(checkpoint)))
        .setProtectedHeader({
          alg: 'EdDSA',
          ...(kid !== undefined && { kid }),
          ...(typ !== undefined && { typ }),
        })
        .sign(privateKey);
      const verify = await checkpointVerifier([publicKey]);
      await expect(verify(other)).rejects.toMatchObject({ code: 'audit_checkpoint_invalid' });
    },
  );

  test.each<[string, (jws: string) => string]>([
    [
      'is changed',
      (jws) => jws.replace(/\.[^.]+\./, `.${Buffer.from('{"sequence":8}').toString('base64url')}.`),
    ],
    ['has no signature', (jws) => jws.replace(/[^.]+$/, '')],
    [
      'is of no algorithm',
      (jws) =>
        jws.replace(
          /^[^.]+/,
          Buffer.from('{"alg":"none","typ":"audit-checkpoint+jws"}').toString('base64url'),
        ),
    ],
    ['is no JWS', () => 'nonsense'],
    ['is endless', (jws) => jws.padEnd(10_000, 'A')],
  ])('that %s is refused', async (_how, change) => {
    const verify = await checkpointVerifier([publicKey]);
    await expect(verify(change(await sign(checkpoint)))).rejects.toMatchObject({
      code: 'audit_checkpoint_invalid',
    });
  });
});
