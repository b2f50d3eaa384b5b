import { isObject } from '../json.ts';
import type { Session } from '../session.ts';

/** A new outbound leg with a websocket of its own. */
export function dial(session: Session, data: unknown): string | undefined {
  return isObject(data) ? session.call.dialOut(data, session) : 'dial needs an object';
}
