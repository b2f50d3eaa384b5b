import { HushtoneError } from '../kernel/errors.ts';
import type { CaptureEffect } from './effects.ts';
import type { FieldName } from './fields.ts';
import { fieldOf, pauseOf, type CaptureState, type FieldState } from './state.ts';

/** One transition in the making: the state so far and the effects so far. */
export class Draft {
  readonly #before: CaptureState;
  readonly #effects: CaptureEffect[] = [];
  #state: CaptureState;

  constructor(state: CaptureState) {
    this.#before = state;
    this.#state = state;
  }

  get state(): CaptureState {
    return this.#state;
  }

  set(change: Partial<CaptureState>): void {
    this.#state = { ...this.#state, ...change };
  }

  field(name: FieldName): FieldState {
    const field = fieldOf(this.#state, name);
    if (field === undefined) throw new HushtoneError('unknown_field', 'internal', 'no such field');
    return field;
  }

  setField(name: FieldName, change: Partial<FieldState>): void {
    const fields = this.#state.fields.map((field) =>
      field.rule.field === name ? { ...field, ...change } : field,
    );
    this.set({ fields });
    this.emit({ type: 'field_changed', field: name });
  }

  emit(effect: CaptureEffect): void {
    this.#effects.push(effect);
  }

  startInterDigitTimer(): void {
    this.set({ interDigitTimerRuns: true });
    this.emit({ type: 'start_inter_digit_timer', ms: this.#state.rules.interDigitTimeoutMs });
  }

  cancelInterDigitTimer(): void {
    if (!this.#state.interDigitTimerRuns) return;
    this.set({ interDigitTimerRuns: false });
    this.emit({ type: 'cancel_inter_digit_timer' });
  }

  startOverallTimer(): void {
    this.set({ overallTimerRuns: true });
    this.emit({ type: 'start_overall_timer', ms: this.#state.rules.overallTimeoutMs });
  }

  cancelOverallTimer(): void {
    if (!this.#state.overallTimerRuns) return;
    this.set({ overallTimerRuns: false });
    this.emit({ type: 'cancel_overall_timer' });
  }

  /** The effects in order. Focus and pause may change more than once on the way: only the outcome is told. */
  effects(): CaptureEffect[] {
    const { focus } = this.#state;
    if (focus !== this.#before.focus) {
      this.emit({ type: 'focus_changed', ...(focus !== undefined && { field: focus }) });
    }
    const paused = pauseOf(this.#state);
    if (paused !== pauseOf(this.#before)) this.emit({ type: 'pause_changed', paused });
    return this.#effects;
  }
}
