import { describe, expect, it } from 'vitest';
import type { FieldReason } from '../../../src/capture/fields.ts';
import { AMEX, CARD, Driver, held, INTER_DIGIT_MS, MASTERCARD, specOf, VISA, VISA_OF_19 } from './driver.ts';

const card = (change: Parameters<typeof specOf>[1] = {}): Driver =>
  Driver.secured(specOf(['card_number'], change));

describe('a card number', () => {
  it.each([
    ['mastercard', MASTERCARD],
    ['amex', AMEX],
  ])('of a brand with one length (%s) ends by itself', (brand, number) => {
    const capture = card().keys(number);
    expect(capture.field('card_number')).toMatchObject({
      status: 'accepted',
      brand,
      digits: number.length,
      last4: number.slice(-4),
    });
    expect(held(capture.state, 'card_number')).toBe(number);
  });

  it('of 16 digits that could become 19 waits for # or the time-out', () => {
    const capture = card().keys(VISA);
    expect(capture.field('card_number').status).toBe('collecting');
    expect(capture.field('card_number').last4).toBeUndefined();
    capture.keys('#');
    expect(capture.field('card_number')).toMatchObject({ status: 'accepted', last4: '4242' });
    expect(card().keys(VISA).silence().field('card_number').status).toBe('accepted');
    expect(card().keys('4222222222222#').field('card_number').digits).toBe(13);
  });

  it('of 19 digits is taken whole', () => {
    const capture = card().keys(VISA_OF_19);
    expect(held(capture.state, 'card_number')).toBe(VISA_OF_19);
    expect(capture.field('card_number')).toMatchObject({ status: 'accepted', last4: '0003' });
  });

  it('shows its brand as soon as it is certain', () => {
    const capture = card().keys('3');
    expect(capture.field('card_number').brand).toBeUndefined();
    capture.keys('7');
    expect(capture.field('card_number').brand).toBe('amex');
  });

  it.each<[string, FieldReason]>([
    ['42424242424#', 'too_short'],
    ['9999999999999995#', 'brand_unknown'],
    ['9999999999999999999', 'brand_unknown'],
    ['42424242424242#', 'length_for_brand'],
    ['4242424242424241#', 'luhn'],
    ['5555555555554445', 'luhn'],
    ['5555555555554#', 'length_for_brand'],
  ])('%s is rejected: %s', (keys, reason) => {
    const capture = card().keys(keys);
    expect(capture.field('card_number')).toMatchObject({
      status: 'rejected',
      reason,
      attempts: 1,
      digits: 0,
    });
    expect(capture.field('card_number').brand).toBeUndefined();
    expect(held(capture.state, 'card_number')).toBe('');
    expect(capture.view.focus).toBe('card_number');
    expect(capture.keys(`${VISA}#`).field('card_number')).toMatchObject({ status: 'accepted', attempts: 1 });
    expect(capture.field('card_number').reason).toBeUndefined();
  });

  it('of a brand that the merchant does not take is rejected', () => {
    const capture = card({ acceptedBrands: ['visa', 'mastercard'] }).keys(AMEX);
    expect(capture.field('card_number')).toMatchObject({ status: 'rejected', reason: 'brand_not_accepted' });
    expect(capture.keys(MASTERCARD).view.status).toBe('ready');
  });

  it('that the caller stops keying is rejected as timed out, a whole wrong one by its fault', () => {
    expect(card().keys('42424242').silence().field('card_number')).toMatchObject({
      reason: 'timed_out',
      attempts: 1,
    });
    expect(card().keys('424242424242424').silence().field('card_number').reason).toBe('timed_out');
    expect(card().keys('4242424242424241').silence().field('card_number').reason).toBe('luhn');
  });
});

describe('an expiry date', () => {
  it.each<[string, FieldReason]>([
    ['12#', 'too_short'],
    ['1326', 'month'],
    ['0526', 'expired'],
    ['1247', 'too_far_ahead'],
  ])('%s is rejected: %s', (keys, reason) => {
    const capture = Driver.secured(specOf(['expiry'])).keys(keys);
    expect(capture.field('expiry')).toMatchObject({ status: 'rejected', reason, attempts: 1 });
  });

  it('ends by itself', () => {
    expect(Driver.secured(specOf(['expiry'])).keys('0626').view.status).toBe('ready');
  });
});

describe('a security code', () => {
  it.each([
    [`${VISA}#`, '123'],
    [AMEX, '1234'],
  ])('after %s is %s', (number, code) => {
    const capture = Driver.secured(specOf(['card_number', 'security_code'])).keys(number);
    capture.keys(code.slice(0, -1));
    expect(capture.view.status).toBe('collecting');
    expect(capture.keys(code.slice(-1)).view.status).toBe('ready');
  });

  it('too short for its brand is rejected', () => {
    const capture = Driver.secured(specOf(['card_number', 'security_code'])).keys(`${AMEX}123#`);
    expect(capture.field('security_code')).toMatchObject({ reason: 'too_short', attempts: 1 });
    capture.keys('123').silence();
    expect(capture.field('security_code')).toMatchObject({ reason: 'timed_out', attempts: 2 });
  });

  it('without a card number is 3 digits and # or silence, or 4', () => {
    const code = (): Driver => Driver.secured(specOf(['security_code']));
    expect(code().keys('123').view.status).toBe('collecting');
    expect(code().keys('123#').view.status).toBe('ready');
    expect(code().keys('123').silence().view.status).toBe('ready');
    expect(code().keys('1234').view.status).toBe('ready');
    expect(code().keys('12#').field('security_code').reason).toBe('too_short');
  });

  it('keyed first is asked for again when the card turns out to need another length', () => {
    const capture = Driver.secured(specOf(['security_code', 'card_number'])).keys(`123#${AMEX}`);
    expect(capture.field('security_code')).toMatchObject({
      status: 'rejected',
      reason: 'security_code_length',
      digits: 0,
      attempts: 0,
    });
    expect(held(capture.state, 'security_code')).toBe('');
    expect(capture.view.focus).toBe('security_code');
    expect(capture.keys('1234').view.status).toBe('ready');
  });

  it('keyed first stays when it fits the card', () => {
    const capture = Driver.secured(specOf(['security_code', 'card_number'])).keys(`123#${MASTERCARD}`);
    expect(capture.view.status).toBe('ready');
    expect(held(capture.state, 'security_code')).toBe('123');
  });
});

describe('a postal code and a PIN', () => {
  it('end by # or silence within their lengths, and by themselves at the longest', () => {
    const pin = (): Driver => Driver.secured(specOf(['pin']));
    expect(pin().keys('123#').field('pin').reason).toBe('too_short');
    expect(pin().keys('1234#').view.status).toBe('ready');
    expect(pin().keys('1234').silence().view.status).toBe('ready');
    expect(pin().keys('123456789012').view.status).toBe('ready');
    const postal = (): Driver => Driver.secured(specOf(['postal_code']));
    expect(postal().keys('12#').field('postal_code').reason).toBe('too_short');
    expect(postal().keys('101#').view.status).toBe('ready');
    expect(postal().keys('1234567890').view.status).toBe('ready');
  });

  it('take the lengths of the spec', () => {
    const postal = { field: 'postal_code', minLength: 5, maxLength: 5 } as const;
    expect(Driver.secured(specOf([postal])).keys('90210').view.status).toBe('ready');
    expect(
      Driver.secured(specOf([postal]))
        .keys('9021#')
        .field('postal_code').reason,
    ).toBe('too_short');
  });
});

describe('attempts', () => {
  it('end the capture when they are used up', () => {
    const capture = Driver.secured(specOf([{ field: 'card_number', maxAttempts: 2 }, 'expiry'])).keys('4#');
    expect(capture.field('card_number').attempts).toBe(1);
    capture.takeEffects();
    capture.keys('4').takeEffects();
    capture.keys('#');
    expect(capture.view).toMatchObject({ status: 'failed', reason: 'too_many_attempts' });
    expect(capture.takeEffects()).toEqual([
      { type: 'cancel_inter_digit_timer' },
      { type: 'field_changed', field: 'card_number' },
      { type: 'cancel_overall_timer' },
      { type: 'status_changed', status: 'failed', reason: 'too_many_attempts' },
      { type: 'release_masking' },
      { type: 'focus_changed' },
    ]);
  });

  it('are three by default, and are not given back when a field is opened again', () => {
    const capture = Driver.secured(specOf(CARD)).keys(`4#4#${VISA}#`).focus('card_number').keys('4#');
    expect(capture.view).toMatchObject({ status: 'failed', reason: 'too_many_attempts' });
    expect(capture.field('card_number').attempts).toBe(3);
  });
});

describe('*', () => {
  it('empties the field and counts no attempt', () => {
    const capture = card().keys('4111*');
    expect(capture.field('card_number')).toMatchObject({ status: 'empty', digits: 0, attempts: 0 });
    expect(capture.field('card_number').brand).toBeUndefined();
    expect(capture.keys(MASTERCARD).view.status).toBe('ready');
    expect(held(capture.state, 'card_number')).toBe(MASTERCARD);
  });

  it('in an empty field does nothing', () => {
    const capture = card();
    const before = capture.state;
    capture.keys('*');
    expect(capture.state).toBe(before);
  });
});

describe('#', () => {
  it('in an empty required field does nothing', () => {
    const capture = card();
    const before = capture.state;
    capture.keys('##');
    expect(capture.state).toBe(before);
  });

  it('passes over an empty optional field', () => {
    const capture = Driver.secured(specOf(['expiry', { field: 'pin', required: false }, 'postal_code']));
    capture.keys('1230');
    expect(capture.view.focus).toBe('pin');
    capture.keys('##');
    expect(capture.view.focus).toBe('postal_code');
    capture.keys('90210#');
    expect(capture.view.status).toBe('ready');
    expect(capture.field('pin')).toMatchObject({ status: 'empty', attempts: 0 });
  });

  it('opens a field again that was passed over, when it is focused', () => {
    const capture = Driver.secured(specOf([{ field: 'pin', required: false }, 'expiry'])).keys('#1230');
    expect(capture.view.status).toBe('ready');
    capture.focus('pin').keys('1234#');
    expect(capture.view.status).toBe('ready');
    expect(capture.field('pin').status).toBe('accepted');
  });

  it('no longer passes over a field that was focused since', () => {
    const capture = Driver.secured(specOf([{ field: 'pin', required: false }, 'expiry'])).keys('#1230');
    capture.focus('pin').focus('expiry').keys('1230');
    expect(capture.view).toMatchObject({ status: 'collecting', focus: 'pin' });
  });

  it('right after a field that ended by itself belongs to that field', () => {
    const fields = ['expiry', { field: 'pin', required: false }] as const;
    const habit = Driver.secured(specOf(fields)).keys('1230#');
    expect(habit.view).toMatchObject({ focus: 'pin', status: 'collecting', strayKeys: 0 });
    const last = Driver.secured(specOf(['expiry'], { autoSubmit: true })).keys('1230#');
    expect(last.view).toMatchObject({ status: 'processing', strayKeys: 0 });
    expect(last.keys('#').view.strayKeys).toBe(1);
    const rejected = Driver.secured(specOf(['expiry'])).keys('1330#');
    expect(rejected.field('expiry').attempts).toBe(1);
    const silent = card().keys(VISA).silence().keys('#');
    expect(silent.view.strayKeys).toBe(0);
  });

  it('much later does not', () => {
    const capture = Driver.secured(specOf(['expiry', { field: 'pin', required: false }])).keys('1230');
    capture.now += INTER_DIGIT_MS;
    expect(capture.keys('#').view.status).toBe('ready');
  });

  it('belongs to it for as long as a digit would have been waited for, and not a millisecond longer', () => {
    const HASH = 11;
    for (const [later, status] of [
      [INTER_DIGIT_MS, 'collecting'],
      [INTER_DIGIT_MS + 1, 'ready'],
    ] as const) {
      const capture = Driver.secured(specOf(['expiry', { field: 'pin', required: false }])).keys('1230');
      capture.send({ type: 'key', key: HASH, at: new Date(capture.now + later) });
      expect(capture.view.status).toBe(status);
    }
  });

  it('after a field that # has ended does not', () => {
    expect(card().keys(`${VISA}##`).view.strayKeys).toBe(1);
  });
});

describe('a stray key', () => {
  const strays = (capture: Driver, keys: string): number => {
    const before = capture.view.strayKeys;
    const digits = capture.view.fields.map((field) => field.digits);
    capture.takeEffects();
    capture.keys(keys);
    expect(capture.view.fields.map((field) => field.digits)).toEqual(digits);
    const count = capture.view.strayKeys - before;
    expect(capture.takeEffects()).toEqual(
      Array.from({ length: count }, (_, index) => ({
        type: 'stray_key_counted',
        strayKeys: before + index + 1,
      })),
    );
    return count;
  };

  it('is counted and dropped while no field is open', () => {
    expect(strays(new Driver(specOf(CARD)), '12*')).toBe(3);
    expect(strays(new Driver(specOf(CARD)).send({ type: 'secure_requested' }), '1')).toBe(1);
    expect(strays(Driver.secured(specOf(CARD, { autoAdvance: false })), '12')).toBe(2);
    expect(strays(card().keys('42').send({ type: 'pause' }), '1#')).toBe(2);
    expect(strays(card().send({ type: 'masking_interrupted', reason: 'leg_renegotiated' }), '123')).toBe(3);
    expect(strays(card().keys(`${VISA}#`), '12')).toBe(2);
    expect(strays(card().keys(`${VISA}#`).send({ type: 'submit' }), '1')).toBe(1);
  });

  it('is any key that no field takes', () => {
    expect(strays(card().keys('42'), 'ABCD')).toBe(4);
    const capture = card().keys('42');
    for (const key of [16, -1, 1.5, Number.NaN]) {
      capture.send({ type: 'key', key, at: new Date(capture.now) });
    }
    expect(capture.view.strayKeys).toBe(4);
    expect(held(capture.state, 'card_number')).toBe('42');
  });
});

describe('the inter-digit timer', () => {
  it('starts anew with each digit and stops when the field is emptied', () => {
    const capture = card();
    capture.takeEffects();
    capture.keys('42');
    expect(capture.takeEffects().filter(({ type }) => type === 'start_inter_digit_timer')).toHaveLength(2);
    capture.keys('*');
    expect(capture.takeEffects()).toContainEqual({ type: 'cancel_inter_digit_timer' });
  });

  it('that runs out late, after it was stopped, does nothing', () => {
    const capture = card().keys('42*');
    const before = capture.state;
    expect(capture.silence().state).toBe(before);
  });
});
