import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import { HushtoneError } from '../kernel/errors.ts';
import { giveBackSlot, takeSlot } from './arena.ts';
import { LARGEST_SLOT_BYTES, type Slot } from './slots.ts';

const PLACEHOLDER = '[secret]';

/** The longest value: a JWE plaintext with every field of a capture fits. */
const LARGEST_BYTES = LARGEST_SLOT_BYTES;

const NO_BYTES = new Uint8Array(0);

/**
 * Secret bytes of at most `capacity`, kept in one place and wiped by `using`, `wipe` or `Symbol.dispose`.
 *
 * The place is a slot of the memory that `arena.ts` keeps out of swap and core files. It belongs to another secret after
 * the wipe; one that is collected as garbage without having been wiped is wiped then.
 *
 * It is never printable: `toString`, `toJSON`, templates and `util.inspect` give `[secret]`. A wiped buffer refuses
 * every further use with the code `secret_wiped`, so that a late reader finds an error and not zeros.
 */
export class SecretBuffer {
  readonly #capacity: number;
  #slot: Slot | undefined;
  /** The whole slot: at least the capacity. */
  #bytes: Uint8Array;
  #length = 0;

  /** Throws `secret_capacity`, and what `takeSlot` throws when there is no memory. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > LARGEST_BYTES) {
      throw new HushtoneError('secret_capacity', 'internal', `capacity must be 1 to ${LARGEST_BYTES} bytes`);
    }
    this.#capacity = capacity;
    this.#slot = takeSlot(capacity, this);
    this.#bytes = this.#slot.bytes;
  }

  /** How many bytes it holds; 0 once wiped. */
  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get wiped(): boolean {
    return this.#slot === undefined;
  }

  /**
   * Appends one byte. Throws `secret_full` when the capacity is used up and `secret_byte` for a number that is none,
   * which a typed array would silently cut to one; what is held stays.
   */
  append(byte: number): void {
    this.#refuseWhenWiped();
    if (!Number.isInteger(byte) || byte < 0 || byte > 255) {
      throw new HushtoneError('secret_byte', 'internal', 'a byte is a whole number from 0 to 255');
    }
    if (this.#length === this.#capacity)
      throw new HushtoneError('secret_full', 'internal', 'the secret is full');
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  /** Appends the bytes of another secret or of public text. Throws `secret_full` before anything is written. */
  appendBytes(bytes: Uint8Array): void {
    this.#refuseWhenWiped();
    if (this.#length + bytes.length > this.#capacity) {
      throw new HushtoneError('secret_full', 'internal', 'the secret is full');
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Forgets the content (zeroed) and can be filled again. */
  clear(): void {
    this.#refuseWhenWiped();
    this.#bytes.fill(0);
    this.#length = 0;
  }

  /**
   * Lends the bytes to `consumer` for the length of the call. The view is the memory itself, not a copy: the
   * consumer must not keep it, nor make a string of it, nor touch its `buffer`, which holds other secrets. Work that goes on
   * after the call must keep this object from being wiped or collected until it has ended.
   */
  use<T>(consumer: (bytes: Uint8Array) => T): T {
    this.#refuseWhenWiped();
    return consumer(this.#bytes.subarray(0, this.#length));
  }

  /** Compares in a time that depends on the capacities only, not on content or length. */
  equals(other: SecretBuffer): boolean {
    this.#refuseWhenWiped();
    other.#refuseWhenWiped();
    if (this.#bytes.length !== other.#bytes.length) return this.#equalsOfOtherCapacity(other);
    return timingSafeEqual(this.#bytes, other.#bytes) && this.#length === other.#length;
  }

  /** Zeroes the memory and gives it back. Idempotent. */
  wipe(): void {
    if (this.#slot === undefined) return;
    giveBackSlot(this.#slot, this);
    this.#slot = undefined;
    this.#bytes = NO_BYTES;
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [Symbol.toPrimitive](): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }

  #equalsOfOtherCapacity(other: SecretBuffer): boolean {
    const [small, large] = this.#bytes.length < other.#bytes.length ? [this, other] : [other, this];
    using widened = new SecretBuffer(large.#bytes.length);
    // The whole memory and not only what is held: how long copying takes must not tell the length.
    widened.#bytes.set(small.#bytes);
    return timingSafeEqual(widened.#bytes, large.#bytes) && this.#length === other.#length;
  }

  #refuseWhenWiped(): void {
    if (this.wiped) throw new HushtoneError('secret_wiped', 'internal', 'the secret was wiped');
  }
}
