import { isObject } from '../json.ts';
import type { Session } from '../session.ts';

/** `completed` ends an answered call; `no-answer` gives up one that is not answered yet. */
export function callStatus(session: Session, data: unknown): string | undefined {
  const status = isObject(data) ? data['call_status'] : undefined;
  if (status === 'completed') {
    if (!session.answered) return 'the call is not answered';
    session.hangUp();
    return undefined;
  }
  if (status === 'no-answer') {
    if (session.answered) return 'the call is answered';
    session.giveUp();
    return undefined;
  }
  return 'unknown call_status';
}
