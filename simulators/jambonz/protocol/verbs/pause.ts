import { numberOf } from '../json.ts';
import type { Session, Verb } from '../session.ts';

export async function pause(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  await session.exchange.timers.sleep((numberOf(verb['length']) ?? 0) * 1000, signal);
}
