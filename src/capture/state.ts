import type { Brand } from '../cards/brands.ts';
import type { SecretBuffer } from '../secrets/secret-buffer.ts';
import type { FieldName, FieldReason } from './fields.ts';
import type { EndReason, MaskingInterruption } from './reasons.ts';
import type { CaptureRules, FieldRule } from './spec.ts';

/**
 * - `created`: nothing is asked of the call yet. `securing`: masking is asked for and not confirmed.
 * - `collecting`: keys are taken into the focused field. `ready`: everything that is required is there.
 * - `processing`: the provider has the values.
 * - Terminal: `succeeded`; `declined`; `failed`; `cancelled` by a person; `expired` by the overall time-out;
 *   `abandoned`, the call ended first; `interrupted`, the owning process died.
 */
export type CaptureStatus = OpenStatus | TerminalStatus;

export type OpenStatus = 'created' | 'securing' | 'collecting' | 'ready' | 'processing';

export type TerminalStatus =
  'succeeded' | 'declined' | 'failed' | 'cancelled' | 'expired' | 'abandoned' | 'interrupted';

const OPEN: readonly string[] = ['created', 'securing', 'collecting', 'ready', 'processing'];

export function isTerminal(status: CaptureStatus): status is TerminalStatus {
  return !OPEN.includes(status);
}

/** Who holds the keys back. When both do, `masking`: it is the one that a person cannot end. */
export type Pause = false | 'agent' | 'masking';

/** `rejected`: what was keyed is wiped and has to be keyed again. */
export type FieldStatus = 'empty' | 'collecting' | 'accepted' | 'rejected';

export interface FieldState {
  readonly rule: FieldRule;
  /** The only mutable part: a transition fills, clears and wipes it in place. */
  readonly buffer: SecretBuffer;
  readonly status: FieldStatus;
  /** How many digits are held, or were when the capture ended. */
  readonly digits: number;
  /** How often the caller keyed a value that was rejected. */
  readonly attempts: number;
  readonly reason: FieldReason | undefined;
  /** The caller passed over this optional field. */
  readonly skipped: boolean;
  /** Card number only: known as soon as the first digits show it. */
  readonly brand: Brand | undefined;
  /** Accepted card number only. */
  readonly last4: string | undefined;
}

/**
 * A capture at one moment. It owns its buffers: a state is spent once it went through a transition, since the next
 * one has the same buffers with other content.
 */
export interface CaptureState {
  readonly rules: CaptureRules;
  readonly status: CaptureStatus;
  readonly reason: EndReason | undefined;
  readonly fields: readonly FieldState[];
  readonly focus: FieldName | undefined;
  readonly pausedByAgent: boolean;
  readonly interruption: MaskingInterruption | undefined;
  readonly strayKeys: number;
  /** When a field ended without `#`: a `#` soon after belongs to it. Milliseconds since the epoch. */
  readonly endedByItselfAt: number | undefined;
  readonly interDigitTimerRuns: boolean;
  readonly overallTimerRuns: boolean;
}

export function fieldOf(state: CaptureState, name: FieldName): FieldState | undefined {
  return state.fields.find(({ rule }) => rule.field === name);
}

export function pauseOf(state: CaptureState): Pause {
  if (state.interruption !== undefined) return 'masking';
  return state.pausedByAgent && 'agent';
}

/** The field that a key goes to now. */
export function openField(state: CaptureState): FieldState | undefined {
  if (state.status !== 'collecting' || state.focus === undefined || pauseOf(state) !== false)
    return undefined;
  return fieldOf(state, state.focus);
}

/** Every required field is accepted and no other one is half keyed. */
export function isSubmittable(state: CaptureState): boolean {
  return state.fields.every(
    ({ rule, status }) => status === 'accepted' || (!rule.required && status !== 'collecting'),
  );
}

/** Submittable, and nothing that was keyed waits to be keyed again. */
export function isComplete(state: CaptureState): boolean {
  return (
    state.focus === undefined && isSubmittable(state) && state.fields.every((f) => f.status !== 'rejected')
  );
}
