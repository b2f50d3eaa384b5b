import type { Draft } from './draft.ts';
import type { FieldReason } from './fields.ts';
import { end } from './progress.ts';
import { fieldOf, type FieldState } from './state.ts';
import { expectedSecurityCodeLength, isWholeCardNumber } from './values.ts';

/** Wipes what a field holds, so that it can be keyed anew. Counts as no attempt. */
export function emptyField(draft: Draft, field: FieldState): void {
  discard(draft, field, { status: 'empty', reason: undefined });
}

/** The same, and tells why. Counts as no attempt. */
export function askAgain(draft: Draft, field: FieldState, reason: FieldReason): void {
  discard(draft, field, { status: 'rejected', reason });
}

/** Takes what a field holds, or wipes it, counts an attempt and leaves the field open for the next one. */
export function endField(draft: Draft, field: FieldState, fault: FieldReason | undefined): void {
  if (fault === undefined) {
    accept(draft, field);
    return;
  }
  const attempts = field.attempts + 1;
  discard(draft, field, { status: 'rejected', reason: fault, attempts });
  if (attempts >= field.rule.maxAttempts) end(draft, 'failed', 'too_many_attempts');
}

/**
 * Takes the focus from its field. A whole card number is accepted, since it only waited for `#`; any other value
 * that is still being keyed may be the beginning of a longer one and is wiped.
 */
export function leaveFocus(draft: Draft): void {
  const { state } = draft;
  const field = state.focus === undefined ? undefined : fieldOf(state, state.focus);
  if (field?.status === 'collecting') {
    if (isWholeCardNumber(state, field)) accept(draft, field);
    else emptyField(draft, field);
  }
  draft.set({ focus: undefined });
}

function accept(draft: Draft, field: FieldState): void {
  const { field: name } = field.rule;
  draft.cancelInterDigitTimer();
  draft.setField(name, {
    status: 'accepted',
    last4: name === 'card_number' ? field.buffer.use(lastFour) : undefined,
  });
  draft.set({ focus: undefined });
  if (name === 'card_number') recheckSecurityCode(draft);
}

/** The brand decides the length of the code, and the code may have been keyed before the number. */
function recheckSecurityCode(draft: Draft): void {
  const code = fieldOf(draft.state, 'security_code');
  if (code?.status === 'accepted' && code.digits !== expectedSecurityCodeLength(draft.state)) {
    askAgain(draft, code, 'security_code_length');
  }
}

function discard(draft: Draft, field: FieldState, change: Partial<FieldState>): void {
  field.buffer.clear();
  if (draft.state.focus === field.rule.field) draft.cancelInterDigitTimer();
  draft.setField(field.rule.field, { digits: 0, brand: undefined, last4: undefined, ...change });
}

function lastFour(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(-4));
}
