import { describe, expect, test } from 'vitest';
import type { CaptureView } from '../../../src/capture/view.ts';
import { agentMessage } from '../../../src/payments/decline-reasons.ts';
import type { MaskingEvidence } from '../../../src/telephony/contract.ts';
import {
  captureResource,
  evidenceResource,
  isEnded,
  paymentResource,
  recordedPayment,
  type CaptureIdentity,
} from '../../../src/workflows/take-payment/resource.ts';

const IDENTITY: CaptureIdentity = {
  id: 'cap_1',
  accountId: 'acme',
  callId: 'call_1',
  agentId: 'agent-1',
  createdAt: new Date('2026-06-15T12:00:00Z'),
  order: {
    purpose: 'charge',
    mode: 'test',
    amount: { value: 4200, currency: 'EUR' },
    reference: 'order-1',
    keepsCard: false,
    asks: 'charge',
    guard: 'always',
    spec: { fields: [], autoAdvance: true, autoSubmit: false, interDigitTimeoutMs: 1, overallTimeoutMs: 1 },
  },
};
const LATER = new Date('2026-06-15T12:00:09Z');
const VIEW: CaptureView = { status: 'collecting', paused: false, strayKeys: 2, fields: [] };

describe('a capture', () => {
  test('is rendered with what is known of it', () => {
    const view: CaptureView = {
      ...VIEW,
      focus: 'expiry',
      paused: 'masking',
      interruption: 'listen_lost',
      fields: [
        {
          field: 'card_number',
          required: true,
          status: 'accepted',
          digits: 16,
          attempts: 1,
          brand: 'visa',
          last4: '4242',
        },
      ],
    };
    expect(captureResource(IDENTITY, view, { status: 'processing' }, LATER)).toEqual({
      id: 'cap_1',
      call_id: 'call_1',
      status: 'collecting',
      focus: 'expiry',
      paused: 'masking',
      interruption: 'listen_lost',
      purpose: 'charge',
      mode: 'test',
      amount: { value: 4200, currency: 'EUR' },
      reference: 'order-1',
      fields: view.fields,
      stray_keys: 2,
      payment: { status: 'processing' },
      created_at: '2026-06-15T12:00:00.000Z',
      updated_at: '2026-06-15T12:00:09.000Z',
    });
  });

  test('shows nothing of its account, its agent, its grant, of the guard or of its rules', () => {
    const identity = { ...IDENTITY, grantId: 'grant_1' };
    const text = JSON.stringify(captureResource(identity, VIEW, undefined, LATER));
    expect(text).not.toMatch(/acme|agent-1|grant_1|always|interDigit/);
  });

  test.each([
    ['created', false],
    ['securing', false],
    ['collecting', false],
    ['ready', false],
    ['processing', false],
    ['succeeded', true],
    ['declined', true],
    ['failed', true],
    ['cancelled', true],
    ['expired', true],
    ['abandoned', true],
    ['interrupted', true],
  ] as const)('that is %s has ended: %s', (status, ended) => {
    const view: CaptureView = { ...VIEW, status, paused: 'masking', interruption: 'listen_lost' };
    const resource = captureResource(IDENTITY, view, undefined, LATER);
    expect(isEnded(resource)).toBe(ended);
    expect('ended_at' in resource).toBe(ended);
    // Nothing is paused or interrupted any more after the end.
    expect('paused' in resource).toBe(!ended);
    expect('interruption' in resource).toBe(!ended);
  });
});

describe('a payment', () => {
  test('that succeeded', () => {
    expect(
      paymentResource({
        result: 'succeeded',
        providerReference: 'pay_1',
        authorizationCode: 'A1',
        providerToken: 'tok_1',
      }),
    ).toEqual({ status: 'succeeded', provider_reference: 'pay_1', authorization_code: 'A1', token: 'tok_1' });
    expect(paymentResource({ result: 'succeeded', providerReference: 'pay_1' })).toEqual({
      status: 'succeeded',
      provider_reference: 'pay_1',
    });
  });

  test('has its id, and the token of the vault before that of the provider', () => {
    const outcome = { result: 'succeeded', providerReference: 'ch_1', providerToken: 'tok_1' } as const;
    expect(paymentResource(outcome, { paymentId: 'pay_1', token: 'tok_card_1' })).toEqual({
      id: 'pay_1',
      status: 'succeeded',
      provider_reference: 'ch_1',
      token: 'tok_card_1',
    });
  });

  test("that was declined says what an agent may say, and not the provider's own code", () => {
    expect(paymentResource({ result: 'declined', reason: 'insufficient_funds', rawCode: '51' })).toEqual({
      status: 'declined',
      decline_reason: 'insufficient_funds',
      agent_message: agentMessage('insufficient_funds'),
    });
  });

  test('on record is the same', () => {
    const nothing = { paymentId: null, reference: null, code: null, token: null, reason: null };
    expect(recordedPayment({ ...nothing, state: 'unknown', paymentId: 'pay_1' })).toEqual({
      id: 'pay_1',
      status: 'unknown',
    });
    expect(recordedPayment({ ...nothing, state: 'succeeded', reference: 'ch_1', code: 'A1' })).toEqual({
      status: 'succeeded',
      provider_reference: 'ch_1',
      authorization_code: 'A1',
    });
    expect(recordedPayment({ ...nothing, state: 'declined', reason: 'expired_card' })).toEqual({
      status: 'declined',
      decline_reason: 'expired_card',
      agent_message: agentMessage('expired_card'),
    });
  });
});

describe('evidence', () => {
  const EVIDENCE: MaskingEvidence = {
    bridge: 'dial',
    transport: 'events',
    proof: 'engine_acknowledgement',
    keysDelivered: 20,
    keyEventsSeen: 22,
    keyTonesSeen: 1,
    duplicatesDropped: 1,
    msFromDoubtToGuard: [12.34, 5.678],
    steps: [
      { atMs: 0.04, step: 'requested' },
      { atMs: 84.26, step: 'locked', detail: 'ok' },
    ],
  };

  test('is rendered with times to a tenth of a millisecond', () => {
    expect(evidenceResource('cap_1', 'call_1', EVIDENCE)).toEqual({
      capture_id: 'cap_1',
      call_id: 'call_1',
      bridge: 'dial',
      transport: 'events',
      proof: 'engine_acknowledgement',
      keys_delivered: 20,
      key_events_seen: 22,
      key_tones_seen: 1,
      duplicates_dropped: 1,
      ms_from_doubt_to_guard: [12.3, 5.7],
      steps: [
        { at_ms: 0, step: 'requested' },
        { at_ms: 84.3, step: 'locked', detail: 'ok' },
      ],
    });
  });

  test('has all that masking found out', () => {
    const full: MaskingEvidence = {
      ...EVIDENCE,
      engineVersion: '11.5.1.10',
      keysDropped: 3,
      sentinel: { listenedMs: 1000.04, digitsHeard: 0, loudestWhileGuardedDbfs: -72.345 },
      msToSecured: 84.25,
    };
    expect(evidenceResource('cap_1', 'call_1', full)).toMatchObject({
      engine_version: '11.5.1.10',
      keys_dropped: 3,
      sentinel: { listened_ms: 1000, digits_heard: 0, loudest_while_guarded_dbfs: -72.3 },
      ms_to_secured: 84.3,
    });
  });
});
