import { canonicalJson } from './canonical-json.ts';
import { GENESIS_HASH, hashOf, type AuditRecord, type ChainHead, type ChainLink } from './chain.ts';
import type { CheckpointVerifier } from './checkpoint.ts';

/** Records are read this many at a time: the length of a chain does not matter. */
const PAGE = 500;

/** Where the trail of one account ends, all of one moment. 0: there is none. */
export interface AuditBounds {
  readonly head: ChainHead | undefined;
  readonly lastRecord: number;
  readonly lastCheckpoint: number;
}

/** The trail of one account, as it is kept. */
export interface AuditSource {
  bounds(): Promise<AuditBounds>;
  /** Those after `after` and up to `upTo`, in order, at most `limit`. */
  records(after: number, upTo: number, limit: number): Promise<readonly ChainLink[]>;
  checkpoints(
    after: number,
    upTo: number,
  ): Promise<readonly { readonly sequence: number; readonly jws: string }[]>;
}

/**
 * What is wrong with a trail.
 * - `missing`: the record is not there, later ones are.
 * - `edited`: the record is not what was hashed, or not what its neighbours hold it to.
 * - `moved`: another record lies in its place.
 * - `truncated`: the record and all after it are not there, though they were once.
 * - `rewritten`: this record or a later one, up to a checkpoint, was changed and all hashes made anew.
 * - `checkpoint_invalid`: the checkpoint at this record was not signed by us, or was changed.
 * - `head_changed`: the record of where the chain ends was set back, or is lost.
 */
export type FaultName =
  'missing' | 'edited' | 'moved' | 'truncated' | 'rewritten' | 'checkpoint_invalid' | 'head_changed';

export interface AuditFault {
  readonly accountId: string;
  /** Of the first broken record. */
  readonly sequence: number;
  readonly fault: FaultName;
  /** In plain words; nothing of a record's content. */
  readonly detail: string;
}

export interface VerifiedChain {
  readonly accountId: string;
  readonly records: number;
  readonly checkpoints: number;
  /** Up to here the trail is held by a signature; 0: by none. */
  readonly lastCheckpoint: number;
  readonly head: ChainHead;
}

export interface VerifyOptions {
  readonly accountId: string;
  readonly verifyCheckpoint: CheckpointVerifier;
  /** Checkpoints that were kept outside the database: they hold what a forger of both could change there. */
  readonly keptCheckpoints?: readonly string[];
}

class FaultFound extends Error {
  readonly sequence: number;
  readonly fault: FaultName;

  constructor(sequence: number, fault: FaultName, detail: string) {
    super(detail);
    this.sequence = sequence;
    this.fault = fault;
  }
}

/** Reads a trail from its first record to its last and finds the first that is broken. */
export async function verifyChain(
  source: AuditSource,
  options: VerifyOptions,
): Promise<VerifiedChain | AuditFault> {
  try {
    return await new ChainVerification(source, options).run();
  } catch (error) {
    if (!(error instanceof FaultFound)) throw error;
    const { sequence, fault, message } = error;
    return { accountId: options.accountId, sequence, fault, detail: message };
  }
}

class ChainVerification {
  readonly #source: AuditSource;
  readonly #options: VerifyOptions;
  /** The kept checkpoints of this account, by the record that they hold. */
  readonly #kept = new Map<number, string[]>();
  #last: ChainHead = { sequence: 0, hash: GENESIS_HASH };
  #checkpoints = 0;
  #lastCheckpoint = 0;

  constructor(source: AuditSource, options: VerifyOptions) {
    this.#source = source;
    this.#options = options;
  }

  async run(): Promise<VerifiedChain> {
    const bounds = await this.#source.bounds();
    await this.#sortKept();
    while (this.#last.sequence < bounds.lastRecord) await this.#page(bounds);
    this.#checkEnd(bounds);
    return {
      accountId: this.#options.accountId,
      records: this.#last.sequence,
      checkpoints: this.#checkpoints,
      lastCheckpoint: this.#lastCheckpoint,
      head: this.#last,
    };
  }

  async #sortKept(): Promise<void> {
    for (const jws of this.#options.keptCheckpoints ?? []) {
      const { account, sequence } = await this.#options.verifyCheckpoint(jws);
      if (account === this.#options.accountId)
        this.#kept.set(sequence, [...(this.#kept.get(sequence) ?? []), jws]);
    }
  }

  async #page(bounds: AuditBounds): Promise<void> {
    const links = await this.#source.records(this.#last.sequence, bounds.lastRecord, PAGE);
    const upTo = links.at(-1)?.sequence ?? bounds.lastRecord;
    const checkpoints = new Map<number, string[]>();
    for (const { sequence, jws } of await this.#source.checkpoints(this.#last.sequence, upTo)) {
      checkpoints.set(sequence, [jws]);
    }
    if (links.length === 0) throw missing(this.#last.sequence + 1);
    for (const [index, link] of links.entries()) {
      await this.#checkLink(link, links[index + 1], bounds);
      this.#last = link;
      const jwss = [...(checkpoints.get(link.sequence) ?? []), ...(this.#kept.get(link.sequence) ?? [])];
      for (const jws of jwss) await this.#checkCheckpoint(link, jws);
    }
  }

  async #checkLink(link: ChainLink, next: ChainLink | undefined, bounds: AuditBounds): Promise<void> {
    const { sequence } = link;
    if (sequence !== this.#last.sequence + 1) throw missing(this.#last.sequence + 1);
    if (hashOf(link.record) !== link.hash) {
      throw new FaultFound(sequence, 'edited', 'its content does not have the hash that it had');
    }
    const content = readRecord(link.record);
    if (content === undefined) throw new FaultFound(sequence, 'edited', 'it is not canonical JSON');
    if (content.account_id !== this.#options.accountId || content.sequence !== sequence) {
      throw new FaultFound(sequence, 'moved', `record ${String(content.sequence)} lies in its place`);
    }
    if (content.previous_hash === this.#last.hash) return;
    // One of the two was changed and hashed anew. The later one is sound when what comes after it says so.
    const later = next ?? (await this.#source.records(sequence, bounds.lastRecord, 1))[0];
    const attested = later === undefined ? bounds.head?.hash : readRecord(later.record)?.previous_hash;
    const changed = attested === link.hash && sequence > 1 ? sequence - 1 : sequence;
    throw new FaultFound(changed, 'edited', 'its hash is not the one that the chain has for it');
  }

  async #checkCheckpoint(link: ChainLink, jws: string): Promise<void> {
    const { sequence, hash } = link;
    const checkpoint = await this.#options.verifyCheckpoint(jws).catch(() => undefined);
    if (checkpoint?.account !== this.#options.accountId || checkpoint.sequence !== sequence) {
      throw new FaultFound(sequence, 'checkpoint_invalid', 'its checkpoint does not bear a valid signature');
    }
    if (checkpoint.hash !== hash) {
      const from = this.#lastCheckpoint + 1;
      const which = from === sequence ? 'it was' : `it or a later record up to ${sequence} was`;
      throw new FaultFound(
        from,
        'rewritten',
        `${which} changed and the chain hashed anew: the checkpoint of ${checkpoint.at} at record ${sequence} does not agree`,
      );
    }
    this.#checkpoints += 1;
    this.#lastCheckpoint = sequence;
  }

  #checkEnd({ head, lastCheckpoint }: AuditBounds): void {
    const { sequence, hash } = this.#last;
    const end = Math.max(lastCheckpoint, ...this.#kept.keys());
    if (end > sequence) {
      const what = `the chain ends before it, and a checkpoint was signed at record ${end}`;
      throw new FaultFound(sequence + 1, 'truncated', what);
    }
    const expected = head ?? { sequence: 0, hash: GENESIS_HASH };
    if (expected.sequence > sequence) {
      const what = `the chain ends before it, and its head stands at record ${expected.sequence}`;
      throw new FaultFound(sequence + 1, 'truncated', what);
    }
    if (expected.sequence < sequence) {
      const what = `it is there, but the head of the chain stands at record ${expected.sequence}`;
      throw new FaultFound(expected.sequence + 1, 'head_changed', what);
    }
    if (expected.hash !== hash) {
      throw new FaultFound(
        sequence,
        'edited',
        'its hash is not the one that the head of the chain has for it',
      );
    }
  }
}

function missing(sequence: number): FaultFound {
  return new FaultFound(sequence, 'missing', 'it is not there, and later ones are');
}

/** The record, or undefined when the text is not the canonical JSON of anything. */
function readRecord(text: string): Partial<AuditRecord> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null;
    return isObject && canonicalJson(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}
