import { HushtoneError } from '../../kernel/errors.ts';
import { hasCode } from './ng-errors.ts';

export function isUnknown(error: unknown): boolean {
  return hasCode(error, 'rtpengine_unknown_call', 'rtpengine_unknown_tag');
}

export function refuse(why: string): HushtoneError {
  return new HushtoneError('masking_unavailable', 'unavailable', `masking is not possible: ${why}`);
}

export function unavailable(error: unknown): HushtoneError {
  if (hasCode(error, 'masking_unavailable')) return error;
  const why = error instanceof HushtoneError ? error.message : 'the engine could not be asked';
  return new HushtoneError('masking_unavailable', 'unavailable', `masking is not possible: ${why}`, {
    cause: error,
  });
}

export function maskingLost(why: string, cause?: unknown): HushtoneError {
  return new HushtoneError('masking_lost', 'unavailable', `masking is lost: ${why}`, { cause });
}
