import { numberOf, textOf } from '../json.ts';
import type { Session, Verb } from '../session.ts';

/** Ignored once the call was answered. */
export function sipDecline(session: Session, verb: Verb): Promise<void> {
  if (!session.answered) session.decline(numberOf(verb['status']) ?? 603, textOf(verb['reason']));
  return Promise.resolve();
}
