import { isObject } from '../json.ts';
import type { Session, Verb } from '../session.ts';

/** The data comes back as `customerData` in every later status and hook. */
export function tag(session: Session, verb: Verb): Promise<void> {
  if (isObject(verb['data'])) session.info.customerData = verb['data'];
  return Promise.resolve();
}
