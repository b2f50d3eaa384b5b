import type { Session, Verb } from '../session.ts';
import { answer } from './answer.ts';
import { conference } from './conference.ts';
import { config } from './config.ts';
import { dial } from './dial.ts';
import { gather } from './gather.ts';
import { hangup } from './hangup.ts';
import { pause } from './pause.ts';
import { prompt } from './prompt.ts';
import { redirect } from './redirect.ts';
import { sipDecline } from './sip-decline.ts';
import { tag } from './tag.ts';

/** Why a running verb is ended: the call is gone, or new verbs take its place. */
export type EndOfVerb = 'hangup' | 'replaced';

type RunVerb = (session: Session, verb: Verb, signal: AbortSignal) => Promise<void>;

const verbs: Readonly<Record<string, RunVerb>> = {
  answer,
  conference,
  config,
  dial,
  gather,
  hangup,
  pause,
  play: prompt,
  redirect,
  say: prompt,
  'sip:decline': sipDecline,
  tag,
};

/** Runs one verb to its end. `signal` aborts with an `EndOfVerb`; hooks that are due are still sent then. */
export async function runVerb(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  await verbs[verb.verb]?.(session, verb, signal);
}
