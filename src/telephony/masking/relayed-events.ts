/** FreeSWITCH sends no digit shorter than this on, whatever it was told. */
const SHORTEST_RELAYED_MS = 50;
/** Between two digits: end packets and a pause of 20 ms, and as much again for jitter. */
const PAUSE_MS = 40;

/**
 * When the last digit event leaves FreeSWITCH for the agent's leg.
 *
 * FreeSWITCH sends a digit on only when its key is up, for as long as the key was held, and one digit after the other,
 * duplicates included: 39 event frames of 16 quick keys take a second and more longer than the keying did. An unlock
 * before that lets the end of the number out, however long after the last key it comes.
 */
export class RelayedEvents {
  #endsMs = Number.NEGATIVE_INFINITY;

  /** When the last of them is over, `Clock.monotonicMs`. */
  get endsMs(): number {
    return this.#endsMs;
  }

  /** An event frame arrived; duplicates count, since they are sent on too. */
  event(pressMs: number, nowMs: number): void {
    this.#endsMs = Math.max(this.#endsMs, nowMs) + Math.max(pressMs, SHORTEST_RELAYED_MS) + PAUSE_MS;
  }
}
