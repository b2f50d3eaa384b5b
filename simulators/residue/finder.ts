/** One place where a needle was found. */
export interface Hit {
  /** Index of the needle that was given. */
  readonly needle: number;
  /** Where it begins. */
  readonly at: number;
}

const HASHED_BYTES = 4;
const TABLE_BITS = 16;
/** Fibonacci hashing: 2^32 divided by the golden ratio. */
const MULTIPLIER = 0x9e3779b1;

const hash = (word: number): number => Math.imul(word, MULTIPLIER) >>> (32 - TABLE_BITS);

/**
 * Finds many needles in one pass, hashing every four bytes as Rabin and Karp do: hundreds of needles cost about as much
 * as one. Needles that are mostly zeros, as wide integers are, would hash like half of all memory; those are looked
 * for one by one, which is quick as they are long.
 */
export class Finder {
  readonly #needles: readonly Buffer[];
  readonly #single: number[] = [];
  readonly #candidates = new Map<number, number[]>();
  readonly #table = new Uint8Array(1 << TABLE_BITS);

  constructor(needles: readonly Uint8Array[]) {
    this.#needles = needles.map((needle) => Buffer.from(needle));
    for (const [index, needle] of this.#needles.entries()) {
      if (
        needle.length < HASHED_BYTES ||
        needle.subarray(0, HASHED_BYTES).filter((byte) => byte === 0).length > 2
      ) {
        this.#single.push(index);
        continue;
      }
      const key = hash(needle.readUInt32BE(0));
      this.#table[key] = 1;
      this.#candidates.set(key, [...(this.#candidates.get(key) ?? []), index]);
    }
  }

  /** How many bytes the longest needle has; 0 without any. */
  get longest(): number {
    return Math.max(0, ...this.#needles.map(({ length }) => length));
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
    if (this.#candidates.size > 0) this.#scan(content, hits);
    return hits;
  }

  #scan(content: Buffer, hits: Hit[]): void {
    const table = this.#table;
    let word = 0;
    for (let end = 0; end < content.length; end += 1) {
      word = (word << 8) | (content[end] as number);
      const key = hash(word);
      if (table[key] === 0 || end < HASHED_BYTES - 1) continue;
      const at = end - HASHED_BYTES + 1;
      for (const needle of this.#candidates.get(key) ?? []) {
        if (this.#isAt(content, at, needle)) hits.push({ needle, at });
      }
    }
  }

  #isAt(content: Buffer, at: number, needle: number): boolean {
    const bytes = this.#needles[needle];
    if (bytes === undefined || at + bytes.length > content.length) return false;
    return content.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0;
  }
}
