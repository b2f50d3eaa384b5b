import type { Session, Verb } from '../session.ts';

/** Asks the application for new verbs, on the socket that is there. */
export async function redirect(session: Session, verb: Verb): Promise<void> {
  await session.hook(verb['actionHook'], session.info.snakeCase(), { type: 'session:redirect' });
}
