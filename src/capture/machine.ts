import { SecretBuffer } from '../secrets/secret-buffer.ts';
import { onCommand } from './commands.ts';
import { Draft } from './draft.ts';
import type { CaptureEffect } from './effects.ts';
import { onCallEnded, onOutcome, onOverallTimeout } from './endings.ts';
import type { CaptureCommand, CaptureEvent, CaptureOccurrence } from './events.ts';
import { onInterDigitTimeout, onKey } from './keys.ts';
import { onMaskingFailed, onMaskingInterrupted, onMaskingRestored, onSecured } from './masking.ts';
import { end } from './progress.ts';
import type { Refusal } from './refusals.ts';
import { rulesOf, type CaptureSpec } from './spec.ts';
import { isTerminal, type CaptureState } from './state.ts';

export interface Transition {
  readonly state: CaptureState;
  readonly effects: readonly CaptureEffect[];
  /** Only for commands; `state` is then the one that came in, and there are no effects. */
  readonly refused?: Refusal;
}

/** A capture that was not started yet. Throws `invalid_capture_spec`. */
export function initialState(spec: CaptureSpec): CaptureState {
  const rules = rulesOf(spec);
  return {
    rules,
    status: 'created',
    reason: undefined,
    fields: rules.fields.map((rule) => ({
      rule,
      buffer: new SecretBuffer(rule.maxLength),
      status: 'empty',
      digits: 0,
      attempts: 0,
      reason: undefined,
      skipped: false,
      brand: undefined,
      last4: undefined,
    })),
    focus: undefined,
    pausedByAgent: false,
    interruption: undefined,
    strayKeys: 0,
    endedByItselfAt: undefined,
    interDigitTimerRuns: false,
    overallTimerRuns: false,
  };
}

/**
 * What becomes of a capture by one event, and what its owner has to do about it. No I/O, no clock; the only thing that
 * is changed in place are the field buffers, so `state` must not be used again. Commands that do not fit are
 * refused; occurrences that do not fit, and everything after the end, change nothing.
 */
export function transition(state: CaptureState, event: CaptureEvent): Transition {
  const draft = new Draft(state);
  if (isCommand(event)) {
    const refused = onCommand(draft, event);
    if (refused !== undefined) return { state, effects: [], refused };
  } else if (!isTerminal(state.status)) {
    onOccurrence(draft, event);
  }
  const effects = draft.effects();
  return { state: draft.state, effects };
}

const COMMANDS: Readonly<Record<CaptureCommand['type'], true>> = {
  secure_requested: true,
  focus: true,
  clear: true,
  pause: true,
  resume: true,
  submit: true,
  cancel: true,
};

function isCommand(event: CaptureEvent): event is CaptureCommand {
  return Object.hasOwn(COMMANDS, event.type);
}

function onOccurrence(draft: Draft, event: CaptureOccurrence): void {
  switch (event.type) {
    case 'secured':
      return onSecured(draft);
    case 'masking_failed':
      return onMaskingFailed(draft, event.failure);
    case 'masking_interrupted':
      return onMaskingInterrupted(draft, event.reason);
    case 'masking_restored':
      return onMaskingRestored(draft);
    case 'key':
      return onKey(draft, event.key, event.at);
    case 'inter_digit_timeout':
      return onInterDigitTimeout(draft, event.at);
    case 'overall_timeout':
      return onOverallTimeout(draft);
    case 'call_ended':
      return onCallEnded(draft, event.end);
    case 'provider_succeeded':
      return onOutcome(draft, 'succeeded');
    case 'provider_declined':
      return onOutcome(draft, 'declined', event.reason);
    case 'provider_failed':
      return onOutcome(draft, 'failed', `provider_${event.reason}`);
    case 'process_lost':
      return end(draft, 'interrupted');
    case 'internal_error':
      return end(draft, 'failed', 'internal_error');
  }
}
