import { textOf } from '../json.ts';
import type { Session } from '../session.ts';

export function mediaPath(session: Session, data: unknown): string | undefined {
  if (session.dial === undefined) return 'not in a dial';
  return session.dial.mediaPath(textOf(data) ?? '');
}
