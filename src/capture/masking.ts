import type { Draft } from './draft.ts';
import { askAgain } from './field-changes.ts';
import { end, moveTo, settle } from './progress.ts';
import type { MaskingFailure, MaskingInterruption } from './reasons.ts';
import { fieldOf } from './state.ts';

/** Masking is confirmed: from here on, and not before, keys are taken. */
export function onSecured(draft: Draft): void {
  if (draft.state.status !== 'securing') return;
  moveTo(draft, 'collecting');
  settle(draft);
}

/**
 * Ignored while the provider has the values: no key is taken any more that could be heard, and the outcome of money
 * that may have moved must not be lost. Masking is then released with the outcome, as always.
 */
export function onMaskingFailed(draft: Draft, failure: MaskingFailure): void {
  if (draft.state.status !== 'processing') end(draft, 'failed', failure);
}

/**
 * Digits may be lost in mid-field while nobody listens, so a half-keyed value cannot be trusted and is wiped. Accepted
 * fields were checked and stay. An interruption before masking is confirmed counts too, and is over only by
 * `masking_restored`.
 */
export function onMaskingInterrupted(draft: Draft, reason: MaskingInterruption): void {
  const { status, focus } = draft.state;
  if (status !== 'securing' && status !== 'collecting' && status !== 'ready') return;
  draft.set({ interruption: reason });
  const field = focus === undefined ? undefined : fieldOf(draft.state, focus);
  if (field?.status === 'collecting') askAgain(draft, field, 'interrupted');
}

export function onMaskingRestored(draft: Draft): void {
  if (draft.state.interruption === undefined) return;
  draft.set({ interruption: undefined });
  settle(draft);
}
