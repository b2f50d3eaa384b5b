import type { Brand } from '../cards/brands.ts';
import type { FieldName, FieldReason } from './fields.ts';
import type { EndReason, MaskingInterruption } from './reasons.ts';
import {
  pauseOf,
  type CaptureState,
  type CaptureStatus,
  type FieldState,
  type FieldStatus,
  type Pause,
} from './state.ts';

/** A capture as its agent sees it: counts and codes, and of a card number its brand and last four digits. */
export interface CaptureView {
  readonly status: CaptureStatus;
  readonly reason?: EndReason;
  readonly focus?: FieldName;
  readonly paused: Pause;
  /** Why masking holds the keys back. */
  readonly interruption?: MaskingInterruption;
  /** Keys that came when no field was open, or that no field takes. */
  readonly strayKeys: number;
  readonly fields: readonly FieldView[];
}

export interface FieldView {
  readonly field: FieldName;
  readonly required: boolean;
  readonly status: FieldStatus;
  readonly digits: number;
  readonly attempts: number;
  /** Why the last value was not taken. */
  readonly reason?: FieldReason;
  /** Of a card number, as soon as its first digits show it. */
  readonly brand?: Brand;
  /** Of an accepted card number. PCI DSS 3.4.1 would allow more. */
  readonly last4?: string;
}

export function captureView(state: CaptureState): CaptureView {
  const { status, reason, focus, interruption, strayKeys } = state;
  return {
    status,
    ...(reason !== undefined && { reason }),
    ...(focus !== undefined && { focus }),
    paused: pauseOf(state),
    ...(interruption !== undefined && { interruption }),
    strayKeys,
    fields: state.fields.map(fieldView),
  };
}

function fieldView({ rule, status, digits, attempts, reason, brand, last4 }: FieldState): FieldView {
  return {
    field: rule.field,
    required: rule.required,
    status,
    digits,
    attempts,
    ...(reason !== undefined && { reason }),
    ...(brand !== undefined && { brand }),
    ...(last4 !== undefined && { last4 }),
  };
}
