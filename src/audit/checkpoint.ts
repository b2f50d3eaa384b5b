import { createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, CompactSign, decodeProtectedHeader, exportJWK } from 'jose';
import { HushtoneError } from '../kernel/errors.ts';

/** RFC 7515 section 4.1.9: tells a checkpoint from every other JWS that the same key might sign. */
const CHECKPOINT_TYPE = 'audit-checkpoint+jws';
/** RFC 8037: Ed25519. */
const ALGORITHM = 'EdDSA';
/** A checkpoint is under 400 characters. */
const LONGEST_JWS = 4096;

/** What the chain of an account was at a moment. Signed, and kept elsewhere too, it holds the chain to that. */
export interface Checkpoint {
  readonly account: string;
  readonly sequence: number;
  /** Of the record with this sequence number; base64url. */
  readonly hash: string;
  /** RFC 3339. */
  readonly at: string;
}

/** Signs a checkpoint: a JWS in compact serialization (RFC 7515). */
export type CheckpointSigner = (checkpoint: Checkpoint) => Promise<string>;

/** What a signed checkpoint says. Rejects with `audit_checkpoint_invalid`. */
export type CheckpointVerifier = (jws: string) => Promise<Checkpoint>;

/** RFC 7638: the name of a key is the thumbprint of its public part. */
async function keyIdOf(key: KeyObject): Promise<string> {
  return await calculateJwkThumbprint(await exportJWK(key));
}

export async function checkpointSigner(privateKey: KeyObject): Promise<CheckpointSigner> {
  const kid = await keyIdOf(createPublicKey(privateKey));
  return async ({ account, sequence, hash, at }) =>
    await new CompactSign(new TextEncoder().encode(JSON.stringify({ account, sequence, hash, at })))
      .setProtectedHeader({ alg: ALGORITHM, typ: CHECKPOINT_TYPE, kid })
      .sign(privateKey);
}

/** Takes checkpoints that one of these keys signed: the present one and those before it. */
export async function checkpointVerifier(publicKeys: readonly KeyObject[]): Promise<CheckpointVerifier> {
  const keys = new Map<string, KeyObject>();
  for (const key of publicKeys) keys.set(await keyIdOf(key), key);
  return async (jws) => {
    try {
      if (jws.length > LONGEST_JWS) throw new Error('it is too long');
      const { kid, typ } = decodeProtectedHeader(jws);
      const key = kid === undefined ? undefined : keys.get(kid);
      if (key === undefined || typ !== CHECKPOINT_TYPE) throw new Error('no key of ours signed it');
      const { payload } = await compactVerify(jws, key, { algorithms: [ALGORITHM] });
      return checkedContent(JSON.parse(new TextDecoder().decode(payload)));
    } catch (cause) {
      throw new HushtoneError('audit_checkpoint_invalid', 'invalid', 'the audit checkpoint is not valid', {
        cause,
      });
    }
  };
}

function isSafePositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function checkedContent(content: unknown): Checkpoint {
  const { account, sequence, hash, at } = content as Partial<Checkpoint>;
  if (
    typeof account === 'string' &&
    isSafePositive(sequence) &&
    typeof hash === 'string' &&
    typeof at === 'string'
  ) {
    return { account, sequence, hash, at };
  }
  throw new Error('it is no checkpoint');
}
