import type { Draft } from './draft.ts';
import type { EndReason } from './reasons.ts';
import { isComplete, pauseOf, type CaptureStatus, type TerminalStatus } from './state.ts';

/**
 * Brings focus and status in line with the fields, after any of them changed: the next field is focused when
 * `autoAdvance` says so, and the capture turns ready, is submitted, or goes back to collecting.
 */
export function settle(draft: Draft): void {
  if (draft.state.status !== 'collecting' && draft.state.status !== 'ready') return;
  if (draft.state.focus === undefined && draft.state.rules.autoAdvance) {
    const next = draft.state.fields.find(({ status, skipped }) => status !== 'accepted' && !skipped);
    draft.set({ focus: next?.rule.field });
  }
  moveTo(draft, isComplete(draft.state) ? 'ready' : 'collecting');
  const { status, rules } = draft.state;
  if (status === 'ready' && rules.autoSubmit && pauseOf(draft.state) === false) submitNow(draft);
}

/** The values go to the provider: no field is open any more, and only the provider's outcome ends the capture. */
export function submitNow(draft: Draft): void {
  draft.cancelInterDigitTimer();
  draft.cancelOverallTimer();
  draft.set({ focus: undefined, pausedByAgent: false, interruption: undefined });
  moveTo(draft, 'processing');
  draft.emit({ type: 'submit_to_provider' });
}

/** Ends the capture for good: every digit is wiped, whatever the outcome. */
export function end(draft: Draft, status: TerminalStatus, reason?: EndReason): void {
  for (const { rule, buffer, status: fieldStatus } of draft.state.fields) {
    buffer.wipe();
    if (fieldStatus === 'collecting') {
      draft.setField(rule.field, { status: 'empty', digits: 0, brand: undefined });
    }
  }
  draft.cancelInterDigitTimer();
  draft.cancelOverallTimer();
  draft.set({ focus: undefined, pausedByAgent: false, interruption: undefined });
  moveTo(draft, status, reason);
  draft.emit({ type: 'release_masking' });
}

export function moveTo(draft: Draft, status: CaptureStatus, reason?: EndReason): void {
  if (draft.state.status === status) return;
  draft.set({ status, reason });
  draft.emit({ type: 'status_changed', status, ...(reason !== undefined && { reason }) });
}
