import { DialAttempt } from '../dial-attempt.ts';
import type { Session, Verb } from '../session.ts';

/** Calls the target and bridges it; ends with the bridge, or without one, and reports to the action hook. */
export async function dial(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  await session.needMedia(verb['answerOnBridge'] === true);
  const results = await new DialAttempt(session, verb).run(signal);
  if (verb['actionHook'] === undefined) return;
  await session.hook(
    verb['actionHook'],
    { ...session.info.snakeCase(), ...results },
    { takeVerbs: signal.reason !== 'replaced' },
  );
}
