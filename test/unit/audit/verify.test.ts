import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkpointSigner,
  checkpointVerifier,
  type CheckpointSigner,
  type CheckpointVerifier,
} from '../../../src/audit/checkpoint.ts';
import { GENESIS_HASH, hashOf, nextLink, type ChainHead, type ChainLink } from '../../../src/audit/chain.ts';
import { verifyChain, type AuditFault, type VerifiedChain } from '../../../src/audit/verify.ts';

const ACCOUNT = 'acc_a';
const AT = '2026-03-04T05:06:07.890Z';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');

let sign: CheckpointSigner;
let verifyCheckpoint: CheckpointVerifier;

beforeAll(async () => {
  sign = await checkpointSigner(privateKey);
  verifyCheckpoint = await checkpointVerifier([publicKey]);
});

/** A chain whose records were written by `textOf`, each hashed as it is and the next resting on it. */
function chainOf(count: number, textOf: (record: string, sequence: number) => string = (text) => text) {
  const links: ChainLink[] = [];
  let head: ChainHead = { sequence: 0, hash: GENESIS_HASH };
  for (let sequence = 1; sequence <= count; sequence += 1) {
    const { record } = nextLink(
      head,
      {
        accountId: ACCOUNT,
        actor: { kind: 'client', clientId: 'desk' },
        operation: 'capture.submit',
        object: { type: 'capture', id: `cap_${sequence}` },
        result: 'done',
      },
      new Date(AT),
    );
    const text = textOf(record, sequence);
    const link = { sequence, record: text, hash: hashOf(text) };
    links.push(link);
    head = link;
  }
  return links;
}

async function verify(
  links: readonly ChainLink[],
  keptCheckpoints: readonly string[] = [],
): Promise<VerifiedChain | AuditFault> {
  const last = links.at(-1) ?? { sequence: 0, hash: GENESIS_HASH };
  return await verifyChain(
    {
      bounds: async () => ({ head: last, lastRecord: last.sequence, lastCheckpoint: 0 }),
      records: async (after, upTo, limit) =>
        links.filter(({ sequence }) => sequence > after && sequence <= upTo).slice(0, limit),
      checkpoints: async () => [],
    },
    { accountId: ACCOUNT, verifyCheckpoint, keptCheckpoints },
  );
}

test('a chain as it was written is sound', async () => {
  expect(await verify(chainOf(3))).toMatchObject({ records: 3, head: { sequence: 3 } });
});

describe('a record whose hash is right and whose text is not canonical JSON', () => {
  test.each<[string, (record: string) => string]>([
    // Two readers of such a text can read two different things.
    ['has a member twice', (record) => record.replace('{', '{"account_id":"acc_b",')],
    ['has a space more', (record) => record.replace(':', ': ')],
    [
      'has its members in another order',
      (record) => JSON.stringify({ x: 0, ...(JSON.parse(record) as object) }),
    ],
    ['writes a letter as an escape', (record) => record.replace('"acc_a"', String.raw`"acc_\u0061"`)],
  ])('%s', async (_what, change) => {
    const links = chainOf(3, (record, sequence) => (sequence === 2 ? change(record) : record));
    expect(links[1]?.record).not.toBe(chainOf(3)[1]?.record);
    expect(await verify(links)).toMatchObject({ sequence: 2, fault: 'edited' });
  });
});

describe('a checkpoint that was kept elsewhere', () => {
  const at = (links: readonly ChainLink[], sequence: number): string => links[sequence - 1]?.hash ?? '';

  test('of another account says nothing of this one', async () => {
    const links = chainOf(3);
    const others = [
      await sign({ account: 'acc_b', sequence: 2, hash: 'h'.repeat(43), at: AT }),
      await sign({ account: 'acc_b', sequence: 900, hash: 'h'.repeat(43), at: AT }),
    ];
    expect(await verify(links, others)).toMatchObject({ records: 3, checkpoints: 0, lastCheckpoint: 0 });
  });

  test('holds the record that it names, and the end of the chain', async () => {
    const links = chainOf(3);
    const kept = await sign({ account: ACCOUNT, sequence: 3, hash: at(links, 3), at: AT });
    expect(await verify(links, [kept])).toMatchObject({ records: 3, checkpoints: 1, lastCheckpoint: 3 });
    expect(await verify(links.slice(0, 2), [kept])).toMatchObject({ sequence: 3, fault: 'truncated' });
    expect(await verify([], [kept])).toMatchObject({ sequence: 1, fault: 'truncated' });
    const other = await sign({ account: ACCOUNT, sequence: 3, hash: at(links, 2), at: AT });
    expect(await verify(links, [other])).toMatchObject({ sequence: 1, fault: 'rewritten' });
  });

  test('is held besides another one of the same record', async () => {
    const links = chainOf(3);
    const kept = [
      await sign({ account: ACCOUNT, sequence: 2, hash: at(links, 2), at: AT }),
      await sign({ account: ACCOUNT, sequence: 2, hash: at(links, 1), at: AT }),
    ];
    expect(await verify(links, kept)).toMatchObject({ fault: 'rewritten' });
    expect(await verify(links, kept.toReversed())).toMatchObject({ fault: 'rewritten' });
  });
});
