import { isObject, type JsonObject, numberOf, textOf } from '../json.ts';
import { played, spoken } from '../prompts.ts';
import type { Session, Verb } from '../session.ts';

const MAX_LOOPS = 100;

/** `say` and `play`. Without `earlyMedia` they answer the call first. Resolves early when the verb is ended. */
export async function prompt(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  await session.needMedia(verb['earlyMedia'] === true);
  await playPrompt(session, verb.verb === 'say' ? 'say' : 'play', verb, signal);
  if (verb['actionHook'] !== undefined && !signal.aborted)
    await session.hook(verb['actionHook'], session.info.snakeCase());
}

export async function playPrompt(
  session: Session,
  kind: 'say' | 'play',
  options: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const given = options[kind === 'say' ? 'text' : 'url'];
  const items = (Array.isArray(given) ? given : [given]).map((item: unknown) => textOf(item) ?? '');
  const loops = Math.min(Math.max(numberOf(Number(options['loop'] ?? 1)) ?? 1, 1), MAX_LOOPS);
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (let loop = 0; loop < loops; loop += 1) {
    for (const item of items) {
      if (signal.aborted) return;
      const samples = kind === 'say' ? spoken(item) : await played(item);
      await Promise.race([session.leg.play(samples), aborted]);
    }
  }
}

/** The prompt nested in a `gather`, if it has one. */
export async function nestedPrompt(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  const { say, play } = verb;
  if (isObject(say)) await playPrompt(session, 'say', say, signal);
  else if (isObject(play)) await playPrompt(session, 'play', play, signal);
}

export function isEarly(verb: Verb): boolean {
  const { say, play } = verb;
  return (isObject(say) && say['earlyMedia'] === true) || (isObject(play) && play['earlyMedia'] === true);
}
