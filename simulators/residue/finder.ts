/** One place where a needle was found. */
export interface Hit {
  /** Index of the needle that was given. */
  readonly needle: number;
  /** Where it begins. */
  readonly at: number;
}

/** Bytes of a needle that are hashed. */
const HASHED = 4;
const MOST_ZEROS = 2;
/** How far apart the hashed bytes are: arrays of wide integers are mostly zeros in between. */
const STRIDES = [1, 4, 8] as const;
const TABLE_BITS = 18;
/** Fibonacci hashing: 2^32 divided by the golden ratio. */
const MULTIPLIER = 0x9e3779b1;

const hash = (word: number): number => Math.imul(word, MULTIPLIER) >>> (32 - TABLE_BITS);

interface Candidate {
  readonly needle: number;
  /** Of the first hashed byte, from the needle's beginning. */
  readonly offset: number;
}

/** The needles that are looked for by bytes of one stride. */
interface Group {
  readonly stride: number;
  readonly table: Uint8Array;
  readonly candidates: Map<number, Candidate[]>;
}

/**
 * Finds many needles in one pass a stride, hashing four bytes as Rabin and Karp do: hundreds of needles cost about as much
 * as one. The hashed bytes of a needle are chosen so that they are not zeros, of which half of all memory is made;
 * needles without such bytes are looked for one by one.
 */
export class Finder {
  readonly #needles: readonly Buffer[];
  readonly #single: number[] = [];
  readonly #groups = new Map<number, Group>();

  constructor(needles: readonly Uint8Array[]) {
    this.#needles = needles.map((needle) => Buffer.from(needle));
    for (const [index, needle] of this.#needles.entries()) {
      if (!this.#addToGroup(index, needle)) this.#single.push(index);
    }
  }

  /** How many bytes the longest needle has; 0 without any. */
  get longest(): number {
    return this.#needles.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  lengthOf(needle: number): number {
    return this.#needles[needle]?.length ?? 0;
  }

  /** Every place of every needle, in no certain order. */
  find(content: Buffer): Hit[] {
    const hits: Hit[] = [];
    for (const needle of this.#single) {
      const bytes = this.#needles[needle] ?? Buffer.alloc(0);
      for (let at = content.indexOf(bytes); at !== -1; at = content.indexOf(bytes, at + 1)) {
        hits.push({ needle, at });
      }
    }
    for (const group of this.#groups.values()) this.#scan(content, group, hits);
    return hits;
  }

  #addToGroup(index: number, needle: Buffer): boolean {
    for (const stride of STRIDES) {
      const last = needle.length - (HASHED - 1) * stride;
      for (let offset = 0; offset < last; offset += 1) {
        const bytes = Array.from({ length: HASHED }, (_, nth) => needle[offset + nth * stride] ?? 0);
        if (bytes.filter((byte) => byte === 0).length > MOST_ZEROS) continue;
        this.#add(stride, hash(Buffer.from(bytes).readInt32BE()), { needle: index, offset });
        return true;
      }
    }
    return false;
  }

  #add(stride: number, key: number, candidate: Candidate): void {
    const group = this.#groups.get(stride) ?? {
      stride,
      table: new Uint8Array(1 << TABLE_BITS),
      candidates: new Map<number, Candidate[]>(),
    };
    this.#groups.set(stride, group);
    group.table[key] = 1;
    group.candidates.set(key, [...(group.candidates.get(key) ?? []), candidate]);
  }

  #scan(content: Buffer, group: Group, hits: Hit[]): void {
    for (let first = 0; first < group.stride; first += 1) this.#scanEvery(first, content, group, hits);
  }

  /** The bytes from `first` on that are a stride apart. */
  #scanEvery(first: number, content: Buffer, { stride, table, candidates }: Group, hits: Hit[]): void {
    const span = (HASHED - 1) * stride;
    let word = 0;
    for (let end = first; end < content.length; end += stride) {
      word = (word << 8) | (content[end] as number);
      const key = Math.imul(word, MULTIPLIER) >>> (32 - TABLE_BITS);
      if (table[key] === 0 || end < span) continue;
      for (const { needle, offset } of candidates.get(key) ?? []) {
        const at = end - span - offset;
        if (this.#isAt(content, at, needle)) hits.push({ needle, at });
      }
    }
  }

  #isAt(content: Buffer, at: number, needle: number): boolean {
    const bytes = this.#needles[needle];
    if (bytes === undefined || at < 0 || at + bytes.length > content.length) return false;
    return content.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0;
  }
}
