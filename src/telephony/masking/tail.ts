import type { KeyGate } from './key-gate.ts';
import type { MaskingParts } from './masking-parts.ts';
import { pause } from './waiting.ts';

/** After the last key's end. An unlock within 150 ms leaks the tail of the digit (measured). */
const TAIL_MS = 300;
/** While nothing is heard, keys may be on their way that were never seen: duplicates of a number take a second. */
const DEAF_TAIL_MS = 2000;
/** Audio that is later than this is held up somewhere, and keys with it. */
const BEHIND_MS = 100;
const LOOK_AGAIN_MS = 20;
/** A key that was known by its lead is waited for so long until its event shows that it is up. */
const LONGEST_HELD_MS = 5000;
/** A caller who goes on keying holds the tail open; this ends it. */
const LONGEST_TAIL_MS = 30_000;

export type TailParts = Pick<MaskingParts, 'clock' | 'state' | 'callerEar' | 'relayed'> & {
  readonly keys: KeyGate;
};

/** How long the tail of a capture is, ms. `deaf`: nothing is heard at its end. */
export function tailOf(deaf: boolean): number {
  return deaf ? DEAF_TAIL_MS : TAIL_MS;
}

/**
 * Silence to the end: resolves when no key that was pressed can still reach the agent.
 *
 * Every key restarts it, so that none is cut in two: a press is only reported once it has ended. Keys come in order
 * with the audio: while that of the tail has not been received, a key may be on its way with it, however late it is.
 */
export async function waitOutTail(
  { clock, state, callerEar, relayed, keys }: TailParts,
  tailMs: number,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  const receivedMs = callerEar.receivedMs;
  const isBehind = (): boolean => {
    const tailLastedMs = clock.monotonicMs() - startedMs;
    if (receivedMs === undefined || tailLastedMs >= DEAF_TAIL_MS) return false;
    const received = callerEar.receivedMs;
    return received === undefined || tailLastedMs - (received - receivedMs) > BEHIND_MS;
  };
  // What was keyed before is waited for however long it takes; what is keyed from now on is not.
  const latestMs = Math.max(startedMs, relayed.endsMs) + LONGEST_TAIL_MS;
  let restMs = tailMs;
  while (restMs > 0 && !state.isOver && clock.monotonicMs() < latestMs) {
    await pause(clock, restMs);
    const lastMs = Math.max(startedMs, keys.lastSignMs, relayed.endsMs);
    restMs = callerEar.sounding ? tailMs : lastMs + tailMs - clock.monotonicMs();
    const isHeldDown = callerEar.awaitsEvent && clock.monotonicMs() - keys.lastSignMs < LONGEST_HELD_MS;
    if (restMs <= 0 && (isBehind() || isHeldDown)) restMs = LOOK_AGAIN_MS;
  }
}
