import { isObject } from '../json.ts';
import type { Session } from '../session.ts';

/**
 * In a conference it mutes the member. In a dial it mutes the wrong direction (the caller goes deaf, the agent still
 * hears the caller), so it guards nothing.
 */
export function muteStatus(session: Session, data: unknown): string | undefined {
  const status = isObject(data) ? data['mute_status'] : data;
  if (session.seat !== undefined) {
    session.seat.mute(status === 'mute');
    return undefined;
  }
  return session.dial === undefined ? 'neither dial nor conference is active' : undefined;
}
