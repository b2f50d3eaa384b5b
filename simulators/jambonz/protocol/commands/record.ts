import { isObject } from '../json.ts';
import type { Session } from '../session.ts';

export function record(session: Session, data: unknown): string | undefined {
  return isObject(data) ? session.record(data) : 'record needs an object';
}
