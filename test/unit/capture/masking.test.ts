import { describe, expect, it } from 'vitest';
import { allWiped, CARD, Driver, held, specOf, VISA } from './driver.ts';

const interrupted = { type: 'masking_interrupted', reason: 'listen_lost' } as const;
const restored = { type: 'masking_restored' } as const;

describe('an interruption of masking', () => {
  it('wipes what is half keyed, keeps what is accepted, and takes no key', () => {
    const capture = Driver.secured(specOf(CARD)).keys(`${VISA}#12`);
    capture.takeEffects();
    capture.send(interrupted);
    expect(capture.takeEffects()).toEqual([
      { type: 'cancel_inter_digit_timer' },
      { type: 'field_changed', field: 'expiry' },
      { type: 'pause_changed', paused: 'masking' },
    ]);
    expect(capture.view).toMatchObject({ paused: 'masking', interruption: 'listen_lost', focus: 'expiry' });
    expect(capture.field('expiry')).toMatchObject({
      status: 'rejected',
      reason: 'interrupted',
      digits: 0,
      attempts: 0,
    });
    expect(held(capture.state, 'expiry')).toBe('');
    expect(held(capture.state, 'card_number')).toBe(VISA);
    expect(capture.keys('30').view.strayKeys).toBe(2);
    capture.takeEffects();
    capture.send(restored);
    expect(capture.takeEffects()).toEqual([{ type: 'pause_changed', paused: false }]);
    expect(capture.keys('1230123').view.status).toBe('ready');
  });

  it('does not trust a number that looked whole', () => {
    const capture = Driver.secured(specOf(CARD)).keys(VISA).send(interrupted);
    expect(capture.field('card_number').reason).toBe('interrupted');
  });

  it('leaves an empty field as it is', () => {
    const capture = Driver.secured(specOf(CARD)).send(interrupted);
    expect(capture.field('card_number')).toMatchObject({ status: 'empty' });
  });

  it('is not ended by a person, and does not end the pause of one', () => {
    const capture = Driver.secured(specOf(CARD)).send(interrupted);
    expect(capture.send({ type: 'resume' }).refused).toBe('masking_interrupted');
    capture.send({ type: 'pause' }).send(restored);
    expect(capture.view.paused).toBe('agent');
    capture.send(interrupted).send({ type: 'resume' });
    expect(capture.refused).toBeUndefined();
    expect(capture.view.paused).toBe('masking');
    expect(capture.keys('4').view.strayKeys).toBe(1);
    expect(capture.send(restored).keys('4').field('card_number').digits).toBe(1);
  });

  it('before masking is confirmed lasts until it is mended', () => {
    const capture = new Driver(specOf(CARD)).send({ type: 'secure_requested' }).send(interrupted);
    capture.send({ type: 'secured' }).keys('4');
    expect(capture.view).toMatchObject({ status: 'collecting', paused: 'masking', strayKeys: 1 });
    expect(capture.send(restored).keys('4').field('card_number').digits).toBe(1);
  });

  it('holds back the submission that would follow by itself', () => {
    const spec = specOf(['expiry', { field: 'pin', required: false }], {
      autoAdvance: false,
      autoSubmit: true,
    });
    const capture = Driver.secured(spec).focus('pin').keys('1#').focus('expiry').keys('1230');
    capture.send(interrupted).clear('pin');
    expect(capture.view.status).toBe('ready');
    expect(capture.send(restored).view.status).toBe('processing');
  });
});

describe('a failure of masking', () => {
  it.each(['masking_unavailable', 'masking_lost', 'masking_breached'] as const)(
    '%s ends the capture',
    (failure) => {
      const capture = Driver.secured(specOf(CARD)).keys('4242');
      capture.takeEffects();
      capture.send({ type: 'masking_failed', failure });
      expect(capture.view).toMatchObject({ status: 'failed', reason: failure });
      expect(allWiped(capture.state)).toBe(true);
      expect(capture.field('card_number')).toMatchObject({ status: 'empty', digits: 0 });
      expect(capture.takeEffects()).toEqual([
        { type: 'field_changed', field: 'card_number' },
        { type: 'cancel_inter_digit_timer' },
        { type: 'cancel_overall_timer' },
        { type: 'status_changed', status: 'failed', reason: failure },
        { type: 'release_masking' },
        { type: 'focus_changed' },
      ]);
    },
  );

  it('leaves a payment that is under way to its outcome', () => {
    const capture = Driver.secured(specOf(['expiry'], { autoSubmit: true })).keys('1230');
    capture.send({ type: 'masking_failed', failure: 'masking_lost' });
    expect(capture.view.status).toBe('processing');
    expect(allWiped(capture.state)).toBe(false);
    expect(capture.send({ type: 'provider_succeeded' }).view.status).toBe('succeeded');
  });
});
