import { HushtoneError } from '../kernel/errors.ts';
import type { SecretBuffer } from '../secrets/secret-buffer.ts';
import type { FieldName } from './fields.ts';
import type { CaptureState } from './state.ts';

/**
 * The accepted values, lent to the provider while it processes them; fields that were left out are absent. They stay
 * the capture's own, which wipes them with the outcome. Throws `capture_not_processing` at any other time.
 */
export function cardDetails(state: CaptureState): Partial<Record<FieldName, SecretBuffer>> {
  if (state.status !== 'processing') {
    throw new HushtoneError('capture_not_processing', 'internal', 'the values were not submitted');
  }
  const accepted = state.fields.filter(({ status }) => status === 'accepted');
  return Object.fromEntries(accepted.map(({ rule, buffer }) => [rule.field, buffer]));
}
