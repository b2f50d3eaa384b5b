import { describe, expect, it } from 'vitest';
import type { CaptureEvent } from '../../../src/capture/events.ts';
import { transition } from '../../../src/capture/machine.ts';
import type { RefusalCode } from '../../../src/capture/refusals.ts';
import type { CaptureState, CaptureStatus, OpenStatus, TerminalStatus } from '../../../src/capture/state.ts';
import { allWiped, CARD, Driver, specOf, VISA } from './driver.ts';

const AT = new Date('2026-06-15T12:30:00Z');

const EVENTS: { readonly [T in CaptureEvent['type']]: Extract<CaptureEvent, { type: T }> } = {
  secure_requested: { type: 'secure_requested' },
  secured: { type: 'secured' },
  masking_failed: { type: 'masking_failed', failure: 'masking_breached' },
  masking_interrupted: { type: 'masking_interrupted', reason: 'listen_lost' },
  masking_restored: { type: 'masking_restored' },
  key: { type: 'key', key: 1, at: AT },
  focus: { type: 'focus', field: 'expiry' },
  clear: { type: 'clear', field: 'card_number' },
  pause: { type: 'pause' },
  resume: { type: 'resume' },
  submit: { type: 'submit' },
  cancel: { type: 'cancel' },
  inter_digit_timeout: { type: 'inter_digit_timeout', at: AT },
  overall_timeout: { type: 'overall_timeout' },
  call_ended: { type: 'call_ended', end: 'caller_hung_up' },
  provider_succeeded: { type: 'provider_succeeded' },
  provider_declined: { type: 'provider_declined', reason: 'insufficient_funds' },
  provider_failed: { type: 'provider_failed', reason: 'unknown_outcome' },
  process_lost: { type: 'process_lost' },
  internal_error: { type: 'internal_error' },
};

const STATES: Readonly<Record<OpenStatus, () => Driver>> = {
  created: () => new Driver(specOf(CARD)),
  securing: () => new Driver(specOf(CARD)).send({ type: 'secure_requested' }),
  collecting: () => Driver.secured(specOf(CARD)).keys('4242'),
  ready: () => Driver.secured(specOf(CARD)).keys(`${VISA}#1230#123#`),
  processing: () => STATES.ready().send({ type: 'submit' }),
};

const ENDINGS: Readonly<Record<TerminalStatus, () => Driver>> = {
  succeeded: () => STATES.processing().send({ type: 'provider_succeeded' }),
  declined: () => STATES.processing().send({ type: 'provider_declined', reason: 'lost_or_stolen' }),
  failed: () => STATES.collecting().send({ type: 'masking_failed', failure: 'masking_lost' }),
  cancelled: () => STATES.ready().send({ type: 'cancel' }),
  expired: () => STATES.collecting().send({ type: 'overall_timeout' }),
  abandoned: () => STATES.securing().send({ type: 'call_ended', end: 'agent_hung_up' }),
  interrupted: () => STATES.processing().send({ type: 'process_lost' }),
};

/** The status that follows, with its reason; or that nothing changes. */
type Expected = 'ignored' | `refused ${RefusalCode}` | CaptureStatus | `${TerminalStatus} ${string}`;

type Row = Readonly<Record<CaptureEvent['type'], Expected>>;

const TABLE: Readonly<Record<OpenStatus, Row>> = {
  created: {
    secure_requested: 'securing',
    secured: 'ignored',
    masking_failed: 'failed masking_breached',
    masking_interrupted: 'ignored',
    masking_restored: 'ignored',
    key: 'created',
    focus: 'refused not_secured',
    clear: 'refused not_secured',
    pause: 'refused not_secured',
    resume: 'refused not_secured',
    submit: 'refused not_secured',
    cancel: 'cancelled',
    inter_digit_timeout: 'ignored',
    overall_timeout: 'ignored',
    call_ended: 'abandoned caller_hung_up',
    provider_succeeded: 'ignored',
    provider_declined: 'ignored',
    provider_failed: 'ignored',
    process_lost: 'interrupted',
    internal_error: 'failed internal_error',
  },
  securing: {
    secure_requested: 'refused already_started',
    secured: 'collecting',
    masking_failed: 'failed masking_breached',
    masking_interrupted: 'securing',
    masking_restored: 'ignored',
    key: 'securing',
    focus: 'refused not_secured',
    clear: 'refused not_secured',
    pause: 'refused not_secured',
    resume: 'refused not_secured',
    submit: 'refused not_secured',
    cancel: 'cancelled',
    inter_digit_timeout: 'ignored',
    overall_timeout: 'expired',
    call_ended: 'abandoned caller_hung_up',
    provider_succeeded: 'ignored',
    provider_declined: 'ignored',
    provider_failed: 'ignored',
    process_lost: 'interrupted',
    internal_error: 'failed internal_error',
  },
  collecting: {
    secure_requested: 'refused already_started',
    secured: 'ignored',
    masking_failed: 'failed masking_breached',
    masking_interrupted: 'collecting',
    masking_restored: 'ignored',
    key: 'collecting',
    focus: 'collecting',
    clear: 'collecting',
    pause: 'collecting',
    resume: 'ignored',
    submit: 'refused not_ready',
    cancel: 'cancelled',
    inter_digit_timeout: 'collecting',
    overall_timeout: 'expired',
    call_ended: 'abandoned caller_hung_up',
    provider_succeeded: 'ignored',
    provider_declined: 'ignored',
    provider_failed: 'ignored',
    process_lost: 'interrupted',
    internal_error: 'failed internal_error',
  },
  ready: {
    secure_requested: 'refused already_started',
    secured: 'ignored',
    masking_failed: 'failed masking_breached',
    masking_interrupted: 'ready',
    masking_restored: 'ignored',
    key: 'ready',
    focus: 'collecting',
    clear: 'collecting',
    pause: 'ready',
    resume: 'ignored',
    submit: 'processing',
    cancel: 'cancelled',
    inter_digit_timeout: 'ignored',
    overall_timeout: 'expired',
    call_ended: 'abandoned caller_hung_up',
    provider_succeeded: 'ignored',
    provider_declined: 'ignored',
    provider_failed: 'ignored',
    process_lost: 'interrupted',
    internal_error: 'failed internal_error',
  },
  processing: {
    secure_requested: 'refused already_started',
    secured: 'ignored',
    masking_failed: 'ignored',
    masking_interrupted: 'ignored',
    masking_restored: 'ignored',
    key: 'processing',
    focus: 'refused processing',
    clear: 'refused processing',
    pause: 'refused processing',
    resume: 'refused processing',
    submit: 'refused processing',
    cancel: 'refused processing',
    inter_digit_timeout: 'ignored',
    overall_timeout: 'ignored',
    call_ended: 'ignored',
    provider_succeeded: 'succeeded',
    provider_declined: 'declined insufficient_funds',
    provider_failed: 'failed provider_unknown_outcome',
    process_lost: 'interrupted',
    internal_error: 'failed internal_error',
  },
};

const COMMANDS: readonly string[] = [
  'secure_requested',
  'focus',
  'clear',
  'pause',
  'resume',
  'submit',
  'cancel',
];

const events = Object.values(EVENTS);

/** What the transition did, in the words of the table; anything in between two of them matches none. */
function outcomeOf(before: CaptureState, event: CaptureEvent): string {
  const { state, effects, refused } = transition(before, event);
  const unchanged = state === before && effects.length === 0;
  if (refused !== undefined) return unchanged ? `refused ${refused.code}` : 'refused, but changed';
  if (unchanged) return 'ignored';
  if (state === before || effects.length === 0) return 'changed without telling, or told without a change';
  const released = effects.filter(({ type }) => type === 'release_masking').length;
  const over = state.status in ENDINGS;
  if (released !== (over ? 1 : 0) || allWiped(state) !== over) return 'wiped or released at the wrong time';
  return state.reason === undefined ? state.status : `${state.status} ${state.reason}`;
}

describe.each(Object.keys(STATES) as OpenStatus[])('in %s', (status) => {
  it('starts out as the table says', () => {
    expect(STATES[status]().state.status).toBe(status);
  });

  it.each(events)('$type', (event) => {
    expect(outcomeOf(STATES[status]().state, event)).toBe(TABLE[status][event.type]);
  });
});

describe.each(Object.keys(ENDINGS) as TerminalStatus[])('in %s', (status) => {
  it('has wiped everything', () => {
    const { state } = ENDINGS[status]();
    expect(state.status).toBe(status);
    expect(allWiped(state)).toBe(true);
  });

  it.each(events)('$type changes nothing', (event) => {
    const expected = COMMANDS.includes(event.type) ? 'refused capture_ended' : 'ignored';
    expect(outcomeOf(ENDINGS[status]().state, event)).toBe(expected);
  });
});
