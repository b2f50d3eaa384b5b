import { isObject, textOf } from '../json.ts';
import type { Session } from '../session.ts';

/** `conf:participant-action`: of the session's own member. There is no answer, and no sign that it was done. */
export function participantAction(session: Session, data: unknown): string | undefined {
  const { seat } = session;
  if (seat === undefined) return 'the call is not in a conference';
  if (!isObject(data)) return 'conf:participant-action needs an object';
  switch (data['action']) {
    case 'mute':
    case 'hold': // a held member is deaf too, which no application can tell from here
      seat.mute(true);
      return undefined;
    case 'unmute':
    case 'unhold':
      seat.mute(false);
      return undefined;
    case 'coach':
      seat.coach(textOf(data['tag']) ?? '');
      return undefined;
    case 'uncoach':
      seat.coach(undefined);
      return undefined;
    case 'kick':
      seat.evict('thrown_out');
      return undefined;
    case 'tag':
    case 'untag':
      return 'tags can only be given when joining here';
    default:
      return 'unknown participant action';
  }
}
