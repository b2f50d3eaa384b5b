/**
 * The sizes that memory is handed out in. 64 bytes hold every field of a capture and every key; the largest is the
 * longest secret.
 */
const SIZES = [64, 256, 1024, 4096] as const;

export const LARGEST_SLOT_BYTES = 4096;

/** Slots of one size at a time; the largest slot fills it. */
const CHUNK_BYTES = 4096;

/** A piece of the memory, its owner's alone until it is released. */
export interface Slot {
  /** The memory itself: zeros when it is taken. */
  readonly bytes: Uint8Array;
}

interface Chunk {
  readonly memory: Uint8Array;
  taken: number;
  /** Rises when the chunk is divided anew: slots of an earlier division are none any more. */
  division: number;
}

class Place implements Slot {
  readonly bytes: Uint8Array;
  readonly chunk: Chunk;
  readonly division: number;
  next: Place | undefined;

  constructor(chunk: Chunk, at: number, size: number) {
    this.bytes = chunk.memory.subarray(at, at + size);
    this.chunk = chunk;
    this.division = chunk.division;
  }
}

/**
 * Free places of one size, first in, first out: whoever wrongly holds on to a view of what was released then sees zeros
 * for as long as possible, and no other secret.
 */
class Queue {
  readonly size: number;
  #first: Place | undefined;
  #last: Place | undefined;

  constructor(size: number) {
    this.size = size;
  }

  add(place: Place): void {
    place.next = undefined;
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
  }

  take(): Place | undefined {
    for (let place = this.#first; place !== undefined; place = place.next) {
      this.#first = place.next;
      if (this.#first === undefined) this.#last = undefined;
      if (place.division === place.chunk.division) return place;
    }
    return undefined;
  }
}

/** Divides one piece of memory into slots. Every call takes the same short time, but where a size has run out. */
export class Slots {
  readonly #chunks: Chunk[];
  readonly #queues = SIZES.map((size) => new Queue(size));
  /** Chunks from here on were never divided. */
  #undivided = 0;
  #takenBytes = 0;

  /** What is left over behind the last whole chunk of 4096 bytes is not used. */
  constructor(memory: Uint8Array) {
    this.#chunks = Array.from({ length: Math.floor(memory.length / CHUNK_BYTES) }, (_, index) => ({
      memory: memory.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
      taken: 0,
      division: 0,
    }));
  }

  /** How many bytes are taken, in whole slots. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** A slot of at least `bytes`, at most `LARGEST_SLOT_BYTES`; undefined when the memory is used up. */
  take(bytes: number): Slot | undefined {
    const queue = this.#queues.find(({ size }) => size >= bytes);
    if (queue === undefined) throw new RangeError(`no slot has ${bytes} bytes`);
    const place = queue.take() ?? this.#divideFor(queue);
    if (place === undefined) return undefined;
    place.chunk.taken += 1;
    this.#takenBytes += queue.size;
    place.bytes.fill(0); // a late writer may have been here
    return place;
  }

  /** Zeroes a slot and takes it back. It must not be used, nor released again, after that. */
  release(slot: Slot): void {
    const place = slot as Place;
    place.bytes.fill(0);
    place.chunk.taken -= 1;
    this.#takenBytes -= place.bytes.length;
    this.#queues.find(({ size }) => size === place.bytes.length)?.add(place);
  }

  /** Divides a chunk: one that never was, or else one of which nothing is taken. Returns the first of its places. */
  #divideFor(queue: Queue): Place | undefined {
    const chunk = this.#chunks[this.#undivided] ?? this.#chunks.find(({ taken }) => taken === 0);
    if (chunk === undefined) return undefined;
    if (this.#undivided < this.#chunks.length) this.#undivided += 1;
    chunk.division += 1;
    for (let at = 0; at < CHUNK_BYTES; at += queue.size) queue.add(new Place(chunk, at, queue.size));
    return queue.take();
  }
}
