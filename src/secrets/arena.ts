import { HushtoneError } from '../kernel/errors.ts';
import { allocateLockedMemory } from './locked-memory.ts';
import { Slots, type Slot } from './slots.ts';

/**
 * How much one gateway process needs at its busiest, in slots of 64, 256, 1024 or 4096 bytes:
 *
 * | what | how many | bytes |
 * | --- | --- | --- |
 * | fields of open captures, 64 bytes each | 2,000 captures of 5 fields | 640,000 |
 * | cards under way to a provider, or into or out of the vault: 5 values and a plaintext of 256 bytes | 500 | 288,000 |
 * | data keys, derived keys and messages of MACs, 64 to 256 bytes, 4 a vault operation | 500 | 512,000 |
 * | plaintexts of up to 4096 bytes: provider credentials and keys in PEM | 100 | 409,600 |
 *
 * That is 1.8 MB. 2 MiB are within the 8 MiB that a process may lock by default on Linux since 5.16.
 */
export const DEFAULT_SECRET_MEMORY_BYTES = 2 * 1024 * 1024;

interface Arena {
  readonly bytes: number;
  readonly slots: Slots;
  /** Told when a secret was forgotten: collected as garbage without having been wiped. */
  readonly forgotten: FinalizationRegistry<Slot>;
}

let arena: Arena | undefined;

/**
 * Makes the memory that every secret of this process is in; the first secret does it otherwise, with the default size.
 * For start-up, so that a limit that is too low is told then. A thread that holds secrets has memory of its own.
 *
 * `bytes` is a whole number of pages.
 *
 * Throws `secret_memory_prepared` when there is such memory already, of another size, and what `allocateLockedMemory` throws.
 */
export function prepareSecretMemory(bytes: number = DEFAULT_SECRET_MEMORY_BYTES): void {
  if (arena !== undefined && arena.bytes !== bytes) {
    throw new HushtoneError(
      'secret_memory_prepared',
      'internal',
      `the memory for secrets has ${arena.bytes / 1024} KiB already`,
    );
  }
  arena ??= createArena(bytes);
}

/** What is in use of the memory for secrets. All zero before the first secret. */
export function secretMemoryUse(): { readonly bytes: number; readonly takenBytes: number } {
  return { bytes: arena?.bytes ?? 0, takenBytes: arena?.slots.takenBytes ?? 0 };
}

/**
 * A slot for `owner`, zeroed. It is zeroed again and given back by `giveBackSlot`, or some time after the owner was
 * collected as garbage. Throws `secret_memory_full` (`unavailable`) when everything is taken.
 */
export function takeSlot(bytes: number, owner: object): Slot {
  arena ??= createArena(DEFAULT_SECRET_MEMORY_BYTES);
  const slot = arena.slots.take(bytes);
  if (slot === undefined) {
    throw new HushtoneError(
      'secret_memory_full',
      'unavailable',
      `the ${arena.bytes / 1024} KiB of memory for secrets are used up: raise SECRET_MEMORY_KIB`,
    );
  }
  arena.forgotten.register(owner, slot, owner);
  return slot;
}

export function giveBackSlot(slot: Slot, owner: object): void {
  arena?.forgotten.unregister(owner);
  arena?.slots.release(slot);
}

function createArena(bytes: number): Arena {
  const slots = new Slots(allocateLockedMemory(bytes));
  return { bytes, slots, forgotten: new FinalizationRegistry((slot) => slots.release(slot)) };
}
