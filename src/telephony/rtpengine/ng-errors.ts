import { HushtoneError } from '../../kernel/errors.ts';

/** rtpengine's reasons are one short sentence. */
const LONGEST_REASON = 120;

/** No answer in time, or no connection to get one on. */
export function unreachable(command: string, options?: { cause?: unknown }): HushtoneError {
  return new HushtoneError(
    'rtpengine_unreachable',
    'unavailable',
    `rtpengine did not answer '${command}' in time`,
    options,
  );
}

/**
 * An error answer as an error. The reason is kept as rtpengine words it, without digits: a reason that quotes what
 * was sent could hold a telephone number.
 */
export function refusal(command: string, reason: string): HushtoneError {
  const words = reason
    .slice(0, LONGEST_REASON)
    .replaceAll(/[^\u0020-\u007e]/g, '?')
    .replaceAll(/\d/g, '•');
  const message = `rtpengine refused '${command}': ${words === '' ? 'no reason given' : words}`;
  // `query` and `delete` write "Unknown call-id", the others "Unknown call-ID".
  if (/^unknown call-id$/i.test(words))
    return new HushtoneError('rtpengine_unknown_call', 'not_found', message);
  if (/no such tag exists$|^to-tag not found$/i.test(words)) {
    return new HushtoneError('rtpengine_unknown_tag', 'not_found', message);
  }
  return new HushtoneError('rtpengine_refused', 'unavailable', message);
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is HushtoneError {
  return error instanceof HushtoneError && codes.includes(error.code);
}
