import type { CaptureEffect } from '../../../src/capture/effects.ts';
import type { CaptureEvent } from '../../../src/capture/events.ts';
import type { FieldName } from '../../../src/capture/fields.ts';
import { initialState, transition } from '../../../src/capture/machine.ts';
import type { RefusalCode } from '../../../src/capture/refusals.ts';
import type { CaptureSpec, FieldSpec } from '../../../src/capture/spec.ts';
import type { CaptureState } from '../../../src/capture/state.ts';
import { captureView, type CaptureView, type FieldView } from '../../../src/capture/view.ts';

export const VISA = '4242424242424242';
export const VISA_OF_19 = '4917610000000000003';
export const MASTERCARD = '5555555555554444';
export const AMEX = '378282246310005';

/** In the past of every expiry date that these tests take for valid. */
const START = Date.parse('2026-06-15T12:00:00Z');

export const INTER_DIGIT_MS = 4000;
export const OVERALL_MS = 9000;

export function specOf(
  fields: readonly (FieldName | FieldSpec)[],
  change: Partial<CaptureSpec> = {},
): CaptureSpec {
  return {
    fields: fields.map((field) => (typeof field === 'string' ? { field } : field)),
    autoAdvance: true,
    autoSubmit: false,
    interDigitTimeoutMs: INTER_DIGIT_MS,
    overallTimeoutMs: OVERALL_MS,
    ...change,
  };
}

export const CARD: readonly FieldName[] = ['card_number', 'expiry', 'security_code'];

const KEYS = '0123456789*#ABCD';

/** One capture and its owner, with a clock that the test moves. */
export class Driver {
  state: CaptureState;
  /** Of all transitions so far. */
  readonly effects: CaptureEffect[] = [];
  refused: RefusalCode | undefined;
  now = START;

  constructor(spec: CaptureSpec) {
    this.state = initialState(spec);
  }

  /** A capture that collects. */
  static secured(spec: CaptureSpec): Driver {
    return new Driver(spec).send({ type: 'secure_requested' }).send({ type: 'secured' });
  }

  send(event: CaptureEvent): this {
    const { state, effects, refused } = transition(this.state, event);
    this.state = state;
    this.effects.push(...effects);
    this.refused = refused?.code;
    return this;
  }

  /** Keys as printed on the telephone, 200 ms apart. */
  keys(keys: string): this {
    for (const key of keys) {
      this.now += 200;
      this.send({ type: 'key', key: KEYS.indexOf(key), at: new Date(this.now) });
    }
    return this;
  }

  /** The caller keys nothing until the timer runs out. */
  silence(): this {
    this.now += INTER_DIGIT_MS;
    return this.send({ type: 'inter_digit_timeout', at: new Date(this.now) });
  }

  focus(field: FieldName): this {
    return this.send({ type: 'focus', field });
  }

  clear(field: FieldName): this {
    return this.send({ type: 'clear', field });
  }

  get view(): CaptureView {
    return captureView(this.state);
  }

  field(name: FieldName): FieldView {
    return this.view.fields.find(({ field }) => field === name)!;
  }

  /** The effects since the last call. */
  takeEffects(): CaptureEffect[] {
    return this.effects.splice(0);
  }
}

/** What a field's memory holds, as text. */
export function held(state: CaptureState, name: FieldName): string {
  const field = state.fields.find(({ rule }) => rule.field === name)!;
  return field.buffer.use((bytes) => new TextDecoder().decode(bytes));
}

export const allWiped = (state: CaptureState): boolean => state.fields.every(({ buffer }) => buffer.wiped);
