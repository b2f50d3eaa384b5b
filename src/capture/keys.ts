import { brandOf } from '../cards/brands.ts';
import { byteOf } from '../cards/digits.ts';
import type { Draft } from './draft.ts';
import { emptyField, endField } from './field-changes.ts';
import type { FieldReason } from './fields.ts';
import { settle } from './progress.ts';
import { openField, type CaptureState, type FieldState } from './state.ts';
import { faultOf, fullLength } from './values.ts';

const STAR = 10;
const HASH = 11;

/** A time-out in mid-field says so, and not that the value is short. */
const CUT_OFF: readonly FieldReason[] = ['too_short', 'length_for_brand'];

/**
 * One key of the caller. A digit goes to the focused field, `*` empties it, `#` ends it. `#` or `*` in an empty field
 * does nothing, except that `#` passes over an optional one. Every key without an open field is dropped and counted
 * as stray, and so is every key that is none of 0–9, `*` and `#`.
 */
export function onKey(draft: Draft, key: number, at: Date): void {
  const belongsToEndedField = isTrailingHash(draft.state, key, at);
  if (draft.state.endedByItselfAt !== undefined) draft.set({ endedByItselfAt: undefined });
  if (belongsToEndedField) return;
  const field = openField(draft.state);
  if (field === undefined || !isTelephoneKey(key)) onStray(draft);
  else if (key === HASH) onHash(draft, field, at);
  else if (key === STAR) onStar(draft, field);
  else onDigit(draft, field, key, at);
}

/** The caller fell silent in mid-field. Ignored when no timer runs: it was cancelled while this was on its way. */
export function onInterDigitTimeout(draft: Draft, at: Date): void {
  if (!draft.state.interDigitTimerRuns) return;
  draft.set({ interDigitTimerRuns: false });
  const field = openField(draft.state);
  if (field === undefined) return;
  const fault = faultOf(draft.state, field, at);
  draft.set({ endedByItselfAt: at.getTime() });
  endField(draft, field, fault !== undefined && CUT_OFF.includes(fault) ? 'timed_out' : fault);
  settle(draft);
}

/**
 * Callers told to "press #" press it after a field that has ended by itself, too. That one must neither skip the next
 * field nor look like a stray key.
 */
function isTrailingHash(state: CaptureState, key: number, at: Date): boolean {
  return (
    key === HASH &&
    state.endedByItselfAt !== undefined &&
    at.getTime() - state.endedByItselfAt <= state.rules.interDigitTimeoutMs
  );
}

function isTelephoneKey(key: number): boolean {
  return Number.isInteger(key) && key >= 0 && key <= HASH;
}

function onDigit(draft: Draft, before: FieldState, digit: number, at: Date): void {
  const { buffer, rule } = before;
  buffer.append(byteOf(digit));
  draft.setField(rule.field, {
    status: 'collecting',
    reason: undefined,
    digits: buffer.length,
    brand: rule.field === 'card_number' ? buffer.use(brandOf) : undefined,
  });
  const field = draft.field(rule.field);
  if (field.digits < fullLength(draft.state, field)) {
    draft.startInterDigitTimer();
    return;
  }
  draft.set({ endedByItselfAt: at.getTime() });
  endField(draft, field, faultOf(draft.state, field, at));
  settle(draft);
}

function onHash(draft: Draft, field: FieldState, at: Date): void {
  if (field.digits > 0) {
    endField(draft, field, faultOf(draft.state, field, at));
  } else if (!field.rule.required) {
    draft.setField(field.rule.field, { skipped: true, status: 'empty', reason: undefined });
    draft.set({ focus: undefined });
  }
  settle(draft);
}

function onStar(draft: Draft, field: FieldState): void {
  if (field.digits > 0) emptyField(draft, field);
}

function onStray(draft: Draft): void {
  const strayKeys = draft.state.strayKeys + 1;
  draft.set({ strayKeys });
  draft.emit({ type: 'stray_key_counted', strayKeys });
}
