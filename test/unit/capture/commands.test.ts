import { describe, expect, it } from 'vitest';
import { AMEX, CARD, Driver, held, INTER_DIGIT_MS, MASTERCARD, specOf, VISA } from './driver.ts';

const ready = (): Driver => Driver.secured(specOf(CARD)).keys(`${VISA}#1230#123#`);

describe('focus', () => {
  it('opens an accepted field again, wipes it and goes back to collecting', () => {
    const capture = ready();
    capture.takeEffects();
    capture.focus('card_number');
    expect(capture.takeEffects()).toEqual([
      { type: 'field_changed', field: 'card_number' },
      { type: 'status_changed', status: 'collecting' },
      { type: 'focus_changed', field: 'card_number' },
    ]);
    expect(capture.field('card_number')).toEqual({
      field: 'card_number',
      required: true,
      status: 'empty',
      digits: 0,
      attempts: 0,
    });
    expect(held(capture.state, 'card_number')).toBe('');
    expect(held(capture.state, 'expiry')).toBe('1230');
    expect(capture.keys(MASTERCARD).view.status).toBe('ready');
    expect(held(capture.state, 'card_number')).toBe(MASTERCARD);
  });

  it('on the field that has it loses nothing', () => {
    const capture = Driver.secured(specOf(CARD)).keys('4242');
    const before = capture.state;
    expect(capture.focus('card_number').state).toBe(before);
  });

  it('on another field accepts a whole card number and drops anything unfinished', () => {
    const whole = Driver.secured(specOf(CARD)).keys(VISA).focus('security_code');
    expect(whole.field('card_number')).toMatchObject({ status: 'accepted', last4: '4242' });
    expect(whole.view.focus).toBe('security_code');
    expect(whole.state.interDigitTimerRuns).toBe(false);

    const begun = Driver.secured(specOf(CARD)).keys(VISA.slice(0, 15)).focus('expiry');
    expect(begun.field('card_number')).toMatchObject({ status: 'empty', digits: 0, attempts: 0 });
    expect(held(begun.state, 'card_number')).toBe('');
    expect(begun.state.interDigitTimerRuns).toBe(false);

    const pin = Driver.secured(specOf(['pin', 'expiry']))
      .keys('1234')
      .focus('expiry');
    expect(pin.field('pin')).toMatchObject({ status: 'empty', digits: 0 });
  });

  it('does not accept a card number of a brand that is not taken', () => {
    const capture = Driver.secured(specOf(CARD, { acceptedBrands: ['amex'] }))
      .keys(VISA)
      .focus('expiry');
    expect(capture.field('card_number').status).toBe('empty');
  });

  it('on a field that the capture does not have is refused', () => {
    const capture = ready();
    const before = capture.state;
    capture.focus('pin');
    expect(capture.refused).toBe('unknown_field');
    expect(capture.state).toBe(before);
    expect(capture.clear('pin').refused).toBe('unknown_field');
  });

  it('can be set during a pause', () => {
    const capture = Driver.secured(specOf(CARD)).send({ type: 'pause' }).focus('expiry');
    expect(capture.view).toMatchObject({ focus: 'expiry', paused: 'agent' });
    expect(capture.send({ type: 'resume' }).keys('1230').field('expiry').status).toBe('accepted');
  });
});

describe('clear', () => {
  it('wipes an accepted field and asks for it again', () => {
    const capture = ready().clear('expiry');
    expect(capture.view).toMatchObject({ status: 'collecting', focus: 'expiry' });
    expect(held(capture.state, 'expiry')).toBe('');
    expect(capture.keys('0131').view.status).toBe('ready');
  });

  it('leaves the choice of the field to the agent without autoAdvance', () => {
    const capture = Driver.secured(specOf(['expiry'], { autoAdvance: false }))
      .focus('expiry')
      .keys('1230');
    capture.clear('expiry');
    expect(capture.view.status).toBe('collecting');
    expect(capture.view.focus).toBeUndefined();
  });

  it('restarts the field that is being keyed', () => {
    const capture = Driver.secured(specOf(CARD)).keys('4111').clear('card_number');
    expect(capture.view.focus).toBe('card_number');
    expect(capture.state.interDigitTimerRuns).toBe(false);
    expect(capture.keys(AMEX).field('card_number')).toMatchObject({ status: 'accepted', attempts: 0 });
  });

  it('of an empty field changes nothing', () => {
    const capture = Driver.secured(specOf(CARD));
    const before = capture.state;
    expect(capture.clear('expiry').state).toBe(before);
    expect(capture.refused).toBeUndefined();
  });
});

describe('pause', () => {
  it('keeps what is half keyed, and gives the caller a new span of time', () => {
    const capture = Driver.secured(specOf(CARD)).keys('42424242');
    capture.takeEffects();
    capture.send({ type: 'pause' });
    expect(capture.takeEffects()).toEqual([
      { type: 'cancel_inter_digit_timer' },
      { type: 'pause_changed', paused: 'agent' },
    ]);
    capture.keys('9').silence();
    expect(capture.field('card_number')).toMatchObject({ status: 'collecting', digits: 8 });
    capture.takeEffects();
    capture.send({ type: 'resume' });
    expect(capture.takeEffects()).toEqual([
      { type: 'start_inter_digit_timer', ms: INTER_DIGIT_MS },
      { type: 'pause_changed', paused: false },
    ]);
    expect(capture.keys('42424242#').field('card_number').status).toBe('accepted');
    expect(held(capture.state, 'card_number')).toBe(VISA);
  });

  it('twice is once', () => {
    const capture = Driver.secured(specOf(CARD)).send({ type: 'pause' });
    const before = capture.state;
    expect(capture.send({ type: 'pause' }).state).toBe(before);
  });
});

describe('submit', () => {
  it('takes a ready capture, paused or not', () => {
    expect(ready().send({ type: 'submit' }).view.status).toBe('processing');
    const paused = ready().send({ type: 'pause' }).send({ type: 'submit' });
    expect(paused.view).toMatchObject({ status: 'processing', paused: false });
  });

  it('leaves out an optional field that nobody keys', () => {
    const spec = specOf(['expiry', { field: 'pin', required: false }]);
    const capture = Driver.secured(spec).keys('1230');
    expect(capture.view).toMatchObject({ status: 'collecting', focus: 'pin' });
    expect(capture.keys('1').send({ type: 'submit' }).refused).toBe('not_ready');
    expect(capture.keys('*').send({ type: 'submit' }).view.status).toBe('processing');
    expect(Driver.secured(spec).keys('1230').keys('1#').send({ type: 'submit' }).view.status).toBe(
      'processing',
    );
  });
});
