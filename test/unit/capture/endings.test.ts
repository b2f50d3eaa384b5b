import { describe, expect, it } from 'vitest';
import type { ProviderFailure } from '../../../src/capture/reasons.ts';
import { allWiped, CARD, Driver, specOf, VISA } from './driver.ts';

const processing = (): Driver => Driver.secured(specOf(CARD, { autoSubmit: true })).keys(`${VISA}#1230#123#`);

const FAILURES: Readonly<Record<ProviderFailure, true>> = {
  invalid_request: true,
  authentication: true,
  rate_limited: true,
  unavailable: true,
  unknown_outcome: true,
};

describe('the outcome of the provider', () => {
  it.each(Object.keys(FAILURES) as ProviderFailure[])('%s becomes the reason of the failure', (reason) => {
    const capture = processing().send({ type: 'provider_failed', reason });
    expect(capture.view).toMatchObject({ status: 'failed', reason: `provider_${reason}` });
    expect(allWiped(capture.state)).toBe(true);
  });

  it('stands when the call ends, the time runs out and masking fails before it', () => {
    const capture = processing();
    const before = capture.state;
    capture
      .send({ type: 'call_ended', end: 'caller_hung_up' })
      .send({ type: 'overall_timeout' })
      .send({ type: 'masking_failed', failure: 'masking_lost' })
      .send(interruption);
    expect(capture.state).toBe(before);
    capture.send({ type: 'provider_declined', reason: 'expired_card' });
    expect(capture.view).toMatchObject({ status: 'declined', reason: 'expired_card' });
    expect(capture.field('card_number')).toMatchObject({ status: 'accepted', brand: 'visa', last4: '4242' });
  });

  it('comes once', () => {
    const capture = processing().send({ type: 'provider_succeeded' });
    const before = capture.state;
    expect(capture.send({ type: 'provider_declined', reason: 'generic_decline' }).state).toBe(before);
  });
});

const interruption = { type: 'masking_interrupted', reason: 'control_lost' } as const;

describe('an end without the provider', () => {
  it('stops the timers that run, and only those', () => {
    const keyed = Driver.secured(specOf(CARD)).keys('42');
    keyed.takeEffects();
    keyed.send({ type: 'call_ended', end: 'agent_hung_up' });
    expect(keyed.takeEffects().map(({ type }) => type)).toEqual([
      'field_changed',
      'cancel_inter_digit_timer',
      'cancel_overall_timer',
      'status_changed',
      'release_masking',
      'focus_changed',
    ]);
    const created = new Driver(specOf(CARD)).send({ type: 'cancel' });
    expect(created.takeEffects()).toEqual([
      { type: 'status_changed', status: 'cancelled' },
      { type: 'release_masking' },
    ]);
    const expired = Driver.secured(specOf(CARD));
    expired.takeEffects();
    expired.send({ type: 'overall_timeout' });
    expect(expired.takeEffects().map(({ type }) => type)).not.toContain('cancel_overall_timer');
  });

  it('ends every pause', () => {
    const capture = Driver.secured(specOf(CARD)).send({ type: 'pause' }).send(interruption);
    expect(capture.send({ type: 'cancel' }).view.paused).toBe(false);
  });
});
