import { isObject } from '../json.ts';
import type { Session } from '../session.ts';
import { parseVerbs } from '../verb-list.ts';
import { applyConfig } from '../verbs/config.ts';

/** The config verb, at once and beside the running verb. */
export function config(session: Session, data: unknown): string | undefined {
  if (!isObject(data)) return 'config needs an object';
  const [verb] = parseVerbs([{ verb: 'config', ...data }]);
  if (verb === undefined) return 'config needs an object';
  if (isObject(verb['listen']) && verb['listen']['enable'] === true && !session.answered) {
    return 'listen needs an answered call';
  }
  return applyConfig(session, verb);
}
