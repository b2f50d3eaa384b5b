import type { Session } from '../session.ts';

/** Before the answer it sends no final response: the caller goes on waiting. */
export function hangup(session: Session): Promise<void> {
  if (session.answered) session.hangUp();
  return Promise.resolve();
}
