/**
 * When the process is asked to stop, work that is under way gets this long to come to its end and be written: requests
 * first, then captures, then, together, what captures tell of telephony's end and what providers have said.
 */
export const SETTLE_LIMIT_MS = 3000;
