import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { cardDetails } from '../../../src/capture/card-details.ts';
import type { CaptureEffect } from '../../../src/capture/effects.ts';
import type { CaptureEvent } from '../../../src/capture/events.ts';
import type { FieldName } from '../../../src/capture/fields.ts';
import { initialState, transition, type Transition } from '../../../src/capture/machine.ts';
import type { CaptureSpec } from '../../../src/capture/spec.ts';
import { isTerminal, type CaptureState } from '../../../src/capture/state.ts';
import { captureView } from '../../../src/capture/view.ts';
import { allWiped, INTER_DIGIT_MS } from './driver.ts';

export type Step =
  | CaptureEvent
  | { readonly type: 'keys'; readonly keys: readonly number[] }
  /** The caller does what is asked for: without it hardly any random capture would ever get ready. */
  | { readonly type: 'obey'; readonly number: string };

const OBEYED: Readonly<Record<Exclude<FieldName, 'card_number'>, string>> = {
  expiry: '1230',
  security_code: '1234',
  postal_code: '90210',
  pin: '8642',
};

/** Nothing here is as long as five digits but what is keyed, so that every longer run is a leak. */
const FIVE_DIGITS = /\d{5}/;

/** In the past of the expiry date that is keyed. */
const START = Date.parse('2026-06-15T12:00:00Z');

export const keysOf = (digits: string): number[] => Array.from(digits, Number);

/** Follows a capture from outside, by what it shows, and holds each step against the rules. */
export class Observer {
  state: CaptureState;
  #now = START;
  #endedAt: number | undefined;
  #interDigitTimer = false;
  #overallTimer = false;
  #releases = 0;

  constructor(captureSpec: CaptureSpec) {
    this.state = initialState(captureSpec);
  }

  take(next: Step, pauseMs: number): void {
    if (next.type === 'obey') {
      const { focus } = this.state;
      if (focus === undefined) return;
      const digits = focus === 'card_number' ? next.number : OBEYED[focus];
      this.take({ type: 'keys', keys: [...keysOf(digits), 11] }, pauseMs);
    } else if (next.type === 'keys') {
      for (const key of next.keys) this.#take({ type: 'key', key, at: this.#tick(200) });
      this.#tick(pauseMs);
    } else if (next.type === 'inter_digit_timeout') {
      this.#take({ ...next, at: this.#tick(INTER_DIGIT_MS) });
    } else {
      this.#take(next);
    }
  }

  #tick(ms: number): Date {
    this.#now += ms;
    return new Date(this.#now);
  }

  #take(event: CaptureEvent): void {
    const before = this.state;
    const strays = this.#straysAfter(before, event);
    const result = transition(before, event);
    this.state = result.state;
    if (event.type === 'inter_digit_timeout') this.#interDigitTimer = false;
    if (event.type === 'overall_timeout') this.#overallTimer = false;
    for (const effect of result.effects) this.#follow(effect);
    assert.equal(result.state.strayKeys, strays, 'stray keys');
    this.#noteEndOfField(before, event);
    if (isTerminal(before.status) || result.refused !== undefined) {
      assert.equal(result.state, before, 'a refused or late event changes nothing');
      assert.deepEqual(result.effects, []);
    }
    this.#checkLeaks(result);
    this.#checkFields();
    this.#checkStatus(result);
  }

  /** Which keys are stray, told anew from the view alone. */
  #straysAfter(before: CaptureState, event: CaptureEvent): number {
    if (event.type !== 'key' || isTerminal(before.status)) return before.strayKeys;
    const { status, focus, paused, strayKeys } = captureView(before);
    const trailing =
      event.key === 11 && this.#endedAt !== undefined && this.#now - this.#endedAt <= INTER_DIGIT_MS;
    const open = status === 'collecting' && focus !== undefined && paused === false;
    return trailing || (open && event.key <= 11) ? strayKeys : strayKeys + 1;
  }

  #noteEndOfField(before: CaptureState, event: CaptureEvent): void {
    const { focus } = before;
    if (event.type === 'key') this.#endedAt = undefined;
    if (event.type !== 'inter_digit_timeout' && (event.type !== 'key' || event.key > 9)) return;
    const statusIn = (state: CaptureState): string | undefined =>
      captureView(state).fields.find((shown) => shown.field === focus)?.status;
    const digitsIn = (state: CaptureState): number =>
      state.fields.reduce((sum, { digits }) => sum + digits, 0);
    const ended = this.state !== before && digitsIn(this.state) !== digitsIn(before) + 1;
    const accepted = statusIn(this.state) === 'accepted' && statusIn(before) !== 'accepted';
    if ((ended || accepted) && this.state.strayKeys === before.strayKeys) this.#endedAt = this.#now;
  }

  #follow(effect: CaptureEffect): void {
    if (effect.type === 'start_inter_digit_timer') this.#interDigitTimer = true;
    if (effect.type === 'cancel_inter_digit_timer') this.#interDigitTimer = false;
    if (effect.type === 'start_overall_timer') this.#overallTimer = true;
    if (effect.type === 'cancel_overall_timer') this.#overallTimer = false;
    if (effect.type === 'release_masking') this.#releases += 1;
  }

  #checkLeaks({ effects, refused }: Transition): void {
    const told = JSON.stringify([effects, refused, captureView(this.state), this.state]);
    const shown = inspect(this.state, { depth: null, showHidden: true, customInspect: false });
    const text = (told + shown + inspect(this.state, { depth: null })).replaceAll(
      String(this.state.endedByItselfAt),
      '',
    );
    assert.doesNotMatch(text, FIVE_DIGITS);
  }

  #checkFields(): void {
    const { state } = this;
    const over = isTerminal(state.status);
    assert.equal(allWiped(state), over, 'wiped at the end and not before');
    for (const { rule, buffer, status, digits, attempts, last4, brand } of state.fields) {
      if (!over) assert.equal(buffer.length, digits);
      assert.equal(digits > 0, status === 'accepted' || status === 'collecting');
      assert.ok(digits <= rule.maxLength);
      assert.ok(attempts <= rule.maxAttempts);
      if (attempts === rule.maxAttempts) assert.equal(state.reason, 'too_many_attempts');
      assert.equal(last4 !== undefined, rule.field === 'card_number' && status === 'accepted');
      if (brand !== undefined) assert.equal(rule.field, 'card_number');
      if (status === 'collecting') assert.equal(state.focus, rule.field);
      if (status === 'accepted') assert.notEqual(state.focus, rule.field);
    }
  }

  #checkStatus({ effects }: Transition): void {
    const { state } = this;
    const { status, focus, paused, fields } = captureView(state);
    const over = isTerminal(status);
    const requiredAreThere = fields.every((shown) => !shown.required || shown.status === 'accepted');
    if (status === 'ready' || status === 'processing') assert.ok(requiredAreThere);
    if (focus !== undefined) assert.equal(status, 'collecting');
    if (status === 'ready' && state.rules.autoSubmit) assert.notEqual(paused, false);
    if (over) assert.equal(paused, false);
    if (effects.some(({ type }) => type === 'submit_to_provider')) this.#checkLoan();
    assert.equal(this.#releases, over ? 1 : 0, 'masking is released once, at the end');
    const beingKeyed = fields.some((shown) => shown.status === 'collecting');
    assert.equal(this.#interDigitTimer, beingKeyed && paused === false, 'inter-digit timer');
    assert.equal(state.interDigitTimerRuns, this.#interDigitTimer);
    assert.equal(this.#overallTimer, ['securing', 'collecting', 'ready'].includes(status), 'overall timer');
    assert.equal(state.overallTimerRuns, this.#overallTimer);
  }

  #checkLoan(): void {
    const lent = cardDetails(this.state);
    for (const { field: name, required, digits } of captureView(this.state).fields) {
      assert.equal(lent[name]?.length ?? 0, digits);
      if (required) assert.ok(digits > 0);
    }
  }
}
