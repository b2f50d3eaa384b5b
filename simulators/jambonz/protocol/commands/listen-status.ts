import { isObject } from '../json.ts';
import type { Session } from '../session.ts';

/** Only a listen nested in a dial can be paused: its audio stops, its keys still come. */
export function listenStatus(session: Session, data: unknown): string | undefined {
  const nested = session.dial?.nestedListen;
  if (nested === undefined) return 'no nested listen';
  const status = isObject(data) ? data['listen_status'] : undefined;
  if (status !== 'pause' && status !== 'resume') return 'unknown listen_status';
  nested.pauseAudio(status === 'pause');
  return undefined;
}
