/**
 * The moments of an attempt at which a process may die, in their order. Whatever happens there, the money is taken at
 * most once and no success is lost.
 *
 * - `before_write`: nothing is on record of the attempt.
 * - `after_write`: it is on record and not sent.
 * - `after_send`: it is on its way; what the provider does about it is not known.
 * - `after_answer`: the provider has answered, and nothing is on record of that.
 * - `before_commit`: the outcome is written and not committed.
 */
export const PAYMENT_POINTS = [
  'before_write',
  'after_write',
  'after_send',
  'after_answer',
  'before_commit',
] as const;
export type PaymentPoint = (typeof PAYMENT_POINTS)[number];

/** Told of each point as it is reached; the attempt goes on when it resolves. For tests that kill the process there. */
export type OnPaymentPoint = (point: PaymentPoint) => void | Promise<void>;
