/**
 * Who may send an attempt, and how long. Processes compare their own clocks: they must not differ by more than the
 * margin.
 */

/**
 * One attempt needs at most so many exchanges with its provider, one after the other: what it can do, a key, the
 * payment, another key, the payment again.
 */
const MOST_EXCHANGES = 5;
/** A process that comes this late to a send leaves it: another one may take the attempt for lost. */
export const LEASE_MARGIN_MS = 10_000;
/** An attempt goes out so often under its one key, the first time included. */
export const MOST_SENDS = 3;
/** While its card is at hand an unknown outcome is looked up after these waits. */
export const LOOK_UP_AFTER_MS = [500, 2000, 5000] as const;
/** And nothing new is begun after this: a caller and an agent wait. */
export const PURSUE_WITHIN_MS = 30_000;
/** Later than this after it was written nothing is sent any more: who asked for it has gone on without. */
export const RESEND_WITHIN_MS = 10 * 60_000;
/** A capture that is this far over the lease of its attempt has lost its process. */
export const CAPTURE_LOST_AFTER_MS = 60_000;

/** How long one attempt can be under way. */
export function longestSendMs(providerTimeoutMs: number): number {
  return MOST_EXCHANGES * providerTimeoutMs;
}

/** From the row to its outcome, or the lack of one. */
export function sendLeaseMs(providerTimeoutMs: number): number {
  return longestSendMs(providerTimeoutMs) + LEASE_MARGIN_MS;
}

/** While whoever has the card looks an unknown outcome up, and sends it again. */
export function pursueLeaseMs(providerTimeoutMs: number): number {
  return PURSUE_WITHIN_MS + sendLeaseMs(providerTimeoutMs);
}
