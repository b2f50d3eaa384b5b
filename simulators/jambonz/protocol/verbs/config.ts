import { isObject } from '../json.ts';
import type { Session, Verb } from '../session.ts';

/** Only `listen` and `record` mean anything here; the rest of a `config` is about speech. */
export async function config(session: Session, verb: Verb): Promise<void> {
  const { listen, record } = verb;
  const needsMedia = isObject(record) || (isObject(listen) && listen['enable'] === true);
  if (needsMedia) await session.needMedia(verb['earlyMedia'] === true);
  const refusal = applyConfig(session, verb);
  if (refusal !== undefined)
    session.exchange.refuse({ callSid: session.info.callSid, reason: refusal, content: verb });
}

/** Returns why not, when jambonz would not do it. */
export function applyConfig(session: Session, verb: Verb): string | undefined {
  const { listen, record } = verb;
  const refusals = [
    isObject(record) ? session.record(record) : undefined,
    isObject(listen) ? session.listen(listen) : undefined,
  ];
  return refusals.find((refusal) => refusal !== undefined);
}
