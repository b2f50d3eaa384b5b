import { numberOf, textOf } from '../json.ts';
import type { Session, Verb } from '../session.ts';
import { isEarly, nestedPrompt } from './prompt.ts';

const DEFAULT_TIMEOUT_S = 5;
const MAX_DIGITS = 64;

/** Collects keys until enough came, the terminator came or time is up, and reports them to the action hook. */
export async function gather(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  await session.needMedia(isEarly(verb));
  const digits = await collect(session, verb, signal);
  if (signal.aborted || verb['actionHook'] === undefined) return;
  const results = digits === undefined ? { reason: 'timeout' } : { digits, reason: 'dtmfDetected' };
  await session.hook(verb['actionHook'], { ...session.info.snakeCase(), ...results });
}

async function collect(session: Session, verb: Verb, signal: AbortSignal): Promise<string | undefined> {
  const { timers } = session.exchange;
  const enough = numberOf(verb['numDigits']) ?? numberOf(verb['maxDigits']) ?? MAX_DIGITS;
  const fewest = numberOf(verb['minDigits']) ?? 1;
  const timeoutMs = (numberOf(verb['timeout']) ?? DEFAULT_TIMEOUT_S) * 1000;
  const pauseMs = (numberOf(verb['interDigitTimeout']) ?? 0) * 1000;
  const terminator = textOf(verb['finishOnKey']);
  const heard = new AbortController(); // ends the prompt and the waiting
  const over = AbortSignal.any([signal, heard.signal]);
  let digits = '';
  let terminated = false;
  let cancelTimer: () => void = () => undefined;
  const wait = (durationMs: number): void => {
    cancelTimer();
    cancelTimer = timers.after(durationMs, () => heard.abort());
  };
  const fork = session.leg.fork({
    mixType: 'mono',
    onAudio: () => undefined,
    onKey: ({ dtmf }) => {
      if (session.mediaReleased) return;
      terminated = dtmf === terminator;
      if (!terminated) digits += dtmf;
      if (terminated || digits.length >= enough) heard.abort();
      else if (pauseMs > 0 && digits.length >= fewest) wait(pauseMs);
      else wait(timeoutMs);
    },
  });
  await nestedPrompt(session, verb, over);
  if (!over.aborted) {
    wait(timeoutMs);
    await new Promise<void>((resolve) => {
      over.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  cancelTimer();
  fork.close();
  return terminated || digits.length >= fewest ? digits : undefined;
}
