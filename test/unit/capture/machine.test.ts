import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AMEX, CARD, Driver, held, INTER_DIGIT_MS, MASTERCARD, OVERALL_MS, specOf, VISA } from './driver.ts';

describe('a capture', () => {
  it('goes from request to outcome, and tells its owner what to do in order', () => {
    const capture = new Driver(specOf(CARD, { autoSubmit: true }));
    capture.send({ type: 'secure_requested' });
    expect(capture.takeEffects()).toEqual([
      { type: 'start_overall_timer', ms: OVERALL_MS },
      { type: 'status_changed', status: 'securing' },
    ]);
    capture.send({ type: 'secured' });
    expect(capture.takeEffects()).toEqual([
      { type: 'status_changed', status: 'collecting' },
      { type: 'focus_changed', field: 'card_number' },
    ]);
    capture.keys('5');
    expect(capture.takeEffects()).toEqual([
      { type: 'field_changed', field: 'card_number' },
      { type: 'start_inter_digit_timer', ms: INTER_DIGIT_MS },
    ]);
    capture.keys(MASTERCARD.slice(1, -1)).takeEffects();
    capture.keys(MASTERCARD.slice(-1));
    expect(capture.takeEffects()).toEqual([
      { type: 'field_changed', field: 'card_number' },
      { type: 'cancel_inter_digit_timer' },
      { type: 'field_changed', field: 'card_number' },
      { type: 'focus_changed', field: 'expiry' },
    ]);
    capture.keys('123012').takeEffects();
    capture.keys('3');
    expect(capture.takeEffects()).toEqual([
      { type: 'field_changed', field: 'security_code' },
      { type: 'cancel_inter_digit_timer' },
      { type: 'field_changed', field: 'security_code' },
      { type: 'status_changed', status: 'ready' },
      { type: 'cancel_overall_timer' },
      { type: 'status_changed', status: 'processing' },
      { type: 'submit_to_provider' },
      { type: 'focus_changed' },
    ]);
    capture.send({ type: 'provider_succeeded' });
    expect(capture.takeEffects()).toEqual([
      { type: 'status_changed', status: 'succeeded' },
      { type: 'release_masking' },
    ]);
    expect(capture.view).toEqual({
      status: 'succeeded',
      paused: false,
      strayKeys: 0,
      fields: [
        {
          field: 'card_number',
          required: true,
          status: 'accepted',
          digits: 16,
          attempts: 0,
          brand: 'mastercard',
          last4: '4444',
        },
        { field: 'expiry', required: true, status: 'accepted', digits: 4, attempts: 0 },
        { field: 'security_code', required: true, status: 'accepted', digits: 3, attempts: 0 },
      ],
    });
  });

  it('holds the digits that were keyed, and none outside its buffers', () => {
    const capture = Driver.secured(specOf([...CARD, 'postal_code', 'pin'])).keys(`${AMEX}12301234`);
    capture.keys('90210#').keys('8642#');
    expect(capture.view.status).toBe('ready');
    expect(held(capture.state, 'card_number')).toBe(AMEX);
    expect(held(capture.state, 'expiry')).toBe('1230');
    expect(held(capture.state, 'security_code')).toBe('1234');
    expect(held(capture.state, 'postal_code')).toBe('90210');
    expect(held(capture.state, 'pin')).toBe('8642');
    const everything =
      inspect({ state: capture.state, effects: capture.effects }, { depth: null, showHidden: true }) +
      inspect(capture.state, { depth: null, customInspect: false }) +
      JSON.stringify([capture.state, capture.effects, capture.view]);
    const withoutTime = everything.replaceAll(String(capture.state.endedByItselfAt), '');
    expect(withoutTime).not.toMatch(/\d{5}/);
    for (const value of ['1230', '1234', '90210', '8642']) expect(withoutTime).not.toContain(value);
  });

  it('focuses nothing by itself without autoAdvance', () => {
    const capture = Driver.secured(specOf(CARD, { autoAdvance: false }));
    expect(capture.view.focus).toBeUndefined();
    capture.keys('4');
    expect(capture.view.strayKeys).toBe(1);
    capture.focus('expiry').keys('1230');
    expect(capture.view.focus).toBeUndefined();
    expect(capture.view.status).toBe('collecting');
    capture.focus('card_number').keys(`${VISA}#`).focus('security_code').keys('123');
    expect(capture.view.status).toBe('ready');
  });

  it('advances in the order of the spec, to whatever is not accepted yet', () => {
    const capture = Driver.secured(specOf(['security_code', 'expiry', 'card_number']));
    capture.focus('expiry').keys('1230');
    expect(capture.view.focus).toBe('security_code');
    capture.keys('123#');
    expect(capture.view.focus).toBe('card_number');
  });

  it('submits by itself without autoAdvance, too, but not while it is paused', () => {
    const spec = specOf(['expiry', { field: 'pin', required: false }], {
      autoAdvance: false,
      autoSubmit: true,
    });
    const capture = Driver.secured(spec).focus('expiry').keys('1230');
    expect(capture.view.status).toBe('processing');

    const paused = Driver.secured(spec).focus('pin').keys('12#');
    paused.focus('expiry').keys('1230');
    expect(paused.view.status).toBe('collecting');
    paused.send({ type: 'pause' }).clear('pin');
    expect(paused.view.status).toBe('ready');
    paused.send({ type: 'resume' });
    expect(paused.view.status).toBe('processing');
  });
});
