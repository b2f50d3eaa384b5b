import type { Draft } from './draft.ts';
import { end } from './progress.ts';
import type { CallEnd, EndReason } from './reasons.ts';
import type { TerminalStatus } from './state.ts';

/** The provider's answer, or that there is none. Ignored unless one is waited for. */
export function onOutcome(draft: Draft, status: TerminalStatus, reason?: EndReason): void {
  if (draft.state.status === 'processing') end(draft, status, reason);
}

/** A call that ends while the provider has the values takes nothing back: the outcome stands. */
export function onCallEnded(draft: Draft, callEnd: CallEnd): void {
  if (draft.state.status !== 'processing') end(draft, 'abandoned', callEnd);
}

/** Ignored when no timer runs: the values were submitted while this was on its way. */
export function onOverallTimeout(draft: Draft): void {
  if (!draft.state.overallTimerRuns) return;
  draft.set({ overallTimerRuns: false });
  end(draft, 'expired');
}
