const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * How long after a failed try the next one comes; 71 hours 42 minutes altogether, about three days. After the last
 * one a delivery is given up.
 */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  1 * HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  12 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Each delay is up to this part longer or shorter, so that a receiver that comes back is not met by all at once. */
export const JITTER = 0.1;

/**
 * The delay after `tries` failed tries; undefined when there is to be no further one. `random` is from 0 to below 1.
 */
export function retryDelayMs(tries: number, random: number): number | undefined {
  const delay = RETRY_DELAYS_MS[tries - 1];
  return delay === undefined ? undefined : Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}
