import type { CallEnd } from '../contract.ts';

/** jambonz's `call_status` values. */
const FINAL: ReadonlySet<string> = new Set([
  'completed',
  'busy',
  'no-answer',
  'failed',
  'canceled',
  'cancelled',
]);

export function isFinal(status: unknown): boolean {
  return typeof status === 'string' && FINAL.has(status);
}

/** How a call ended whose agent leg came to `status` before it was ever up. */
export function endOfUnansweredAgent(status: unknown): CallEnd {
  if (status === 'busy') return 'agent_busy';
  return status === 'no-answer' || status === 'completed' ? 'agent_no_answer' : 'failed';
}

/** The SIP answer that the caller gets for it. */
export function declineFor(end: CallEnd): 480 | 486 {
  return end === 'agent_busy' ? 486 : 480;
}
