import type { Draft } from './draft.ts';
import type { CaptureCommand } from './events.ts';
import { emptyField, leaveFocus } from './field-changes.ts';
import type { FieldName } from './fields.ts';
import { end, moveTo, settle, submitNow } from './progress.ts';
import { refusal, type Refusal, type RefusalCode } from './refusals.ts';
import { fieldOf, isSubmittable, isTerminal, openField, type CaptureStatus } from './state.ts';

/** Carries out what a person or an integrator asks for, or says why not; a refused command changes nothing. */
export function onCommand(draft: Draft, command: CaptureCommand): Refusal | undefined {
  const obstacle = obstacleTo(command.type, draft.state.status);
  if (obstacle !== undefined) return refusal(obstacle);
  switch (command.type) {
    case 'focus':
      return onFocus(draft, command.field);
    case 'clear':
      return onClear(draft, command.field);
    case 'resume':
      return onResume(draft);
    case 'submit':
      return onSubmit(draft);
    case 'secure_requested':
      draft.startOverallTimer();
      moveTo(draft, 'securing');
      break;
    case 'pause':
      draft.cancelInterDigitTimer();
      if (!draft.state.pausedByAgent) draft.set({ pausedByAgent: true });
      break;
    case 'cancel':
      end(draft, 'cancelled');
      break;
  }
  return undefined;
}

function obstacleTo(command: CaptureCommand['type'], status: CaptureStatus): RefusalCode | undefined {
  if (isTerminal(status)) return 'capture_ended';
  if (command === 'secure_requested') return status === 'created' ? undefined : 'already_started';
  if (status === 'processing') return 'processing';
  if (command === 'cancel') return undefined;
  return status === 'created' || status === 'securing' ? 'not_secured' : undefined;
}

/** The field that has the focus keeps it, and what is keyed of it: a second click loses nothing. */
function onFocus(draft: Draft, name: FieldName): Refusal | undefined {
  if (fieldOf(draft.state, name) === undefined) return refusal('unknown_field');
  if (draft.state.focus === name) return undefined;
  leaveFocus(draft);
  const field = draft.field(name);
  if (field.status === 'accepted') emptyField(draft, field);
  if (field.skipped) draft.setField(name, { skipped: false });
  draft.set({ focus: name });
  settle(draft);
  return undefined;
}

function onClear(draft: Draft, name: FieldName): Refusal | undefined {
  const field = fieldOf(draft.state, name);
  if (field === undefined) return refusal('unknown_field');
  if (field.status !== 'empty') emptyField(draft, field);
  settle(draft);
  return undefined;
}

/** A pause keeps what is half keyed, so the caller's time for the next digit starts anew. */
function onResume(draft: Draft): Refusal | undefined {
  const { pausedByAgent, interruption } = draft.state;
  if (!pausedByAgent) return interruption === undefined ? undefined : refusal('masking_interrupted');
  draft.set({ pausedByAgent: false });
  const field = openField(draft.state);
  if (field !== undefined && field.digits > 0) draft.startInterDigitTimer();
  settle(draft);
  return undefined;
}

function onSubmit(draft: Draft): Refusal | undefined {
  if (!isSubmittable(draft.state)) return refusal('not_ready');
  submitNow(draft);
  return undefined;
}
