import { isObject } from '../json.ts';
import type { Session } from '../session.ts';

/** New verbs in place of the running one (a dial hangs up its agent leg), or queued after the others. */
export function redirect(session: Session, data: unknown, queue: boolean): string | undefined {
  if (Array.isArray(data)) return queue ? session.appendVerbs(data) : session.replaceVerbs(data);
  if (isObject(data) && data['call_hook'] !== undefined && data['child_call_hook'] === undefined) {
    void session.hook(data['call_hook'], session.info.snakeCase(), { type: 'session:redirect' });
    return undefined;
  }
  return 'moving the child leg is not simulated';
}
