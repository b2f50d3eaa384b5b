import { describe, expect, it } from 'vitest';
import { judge, type Findings } from '../../../../simulators/demo/verdict.ts';
import { needlesOf } from '../../../../simulators/residue/needles.ts';
import { Search, searchText } from '../../../../simulators/residue/search.ts';
import type { LedgerEntry } from '../../../../simulators/sandbox-provider/ledger.ts';

const NUMBER = '4242424242424242';

const payment: LedgerEntry = {
  chargeId: 'chg_00000000000000000000000001',
  idempotencyKey: 'att_00000000000000000000000001',
  purpose: 'charge',
  amount: 4200,
  currency: 'EUR',
  cardNumber: NUMBER,
  result: 'succeeded',
  at: '2026-01-01T00:00:00.000Z',
  requests: 1,
};

const KEPT: Findings = {
  expected: { cardNumber: NUMBER, result: 'succeeded' },
  keyed: 24,
  telephoneEvents: 0,
  decoded: { ours: 0, multimon: 0 },
  ledger: [payment],
  evidence: {
    capture_id: 'cap_00000000000000000000000001',
    call_id: 'call_00000000000000000000000001',
    bridge: 'conference',
    transport: 'events',
    proof: 'sentinel',
    keys_delivered: 24,
    key_events_seen: 24,
    key_tones_seen: 0,
    duplicates_dropped: 0,
    sentinel: { listened_ms: 9000, digits_heard: 0 },
    ms_to_secured: 300,
    ms_from_doubt_to_guard: [],
    steps: [],
  },
  searched: [{ place: 'the log', amount: '9 lines', findings: [], found: [] }],
};

const logWith = (line: string): Findings['searched'] => [
  searchText('the log', 'lines', [line], new Search(needlesOf('digits', Array.from(NUMBER, Number)))),
];

describe('judge', () => {
  it('is content when every promise was kept', () => {
    const { good, text } = judge(KEPT);
    expect(good).toBe(true);
    expect(text).toMatch(/^verdict: the agent heard no digit/);
    expect(text).not.toContain('BAD');
  });

  it('says so when there was no second decoder to ask', () => {
    const { good, text } = judge({ ...KEPT, decoded: { ours: 0 } });
    expect(good).toBe(true);
    expect(text).toContain('was not asked');
  });

  it.each<{ what: string; change: Partial<Findings>; says: RegExp }>([
    { what: 'nothing was keyed', change: { keyed: 0 }, says: /BAD {2}keys .*: 0/ },
    {
      what: 'an event packet got through',
      change: { telephoneEvents: 3 },
      says: /BAD {2}telephone-event .*: 3/,
    },
    {
      what: 'our detector heard a digit',
      change: { decoded: { ours: 1, multimon: 0 } },
      says: /BAD .*our detector/,
    },
    {
      what: 'multimon-ng heard a digit',
      change: { decoded: { ours: 0, multimon: 1 } },
      says: /BAD .*multimon-ng/,
    },
    { what: 'nothing was paid', change: { ledger: [] }, says: /BAD {2}the provider was asked for nothing/ },
    { what: 'it was paid twice', change: { ledger: [payment, payment] }, says: /BAD .*: 2 payment/ },
    {
      what: 'another card was paid with',
      change: { ledger: [{ ...payment, cardNumber: '4012001037141112' }] },
      says: /BAD .*NOT the number/,
    },
    {
      what: 'a decline was expected',
      change: { expected: { ...KEPT.expected, result: 'declined' } },
      says: /BAD/,
    },
    {
      what: 'the sentinel heard a digit',
      change: { evidence: { ...KEPT.evidence, sentinel: { listened_ms: 9000, digits_heard: 1 } } },
      says: /BAD .*heard 1 digits/,
    },
    {
      what: 'a number was left in the log',
      change: { searched: logWith(`paid ${NUMBER}`) },
      says: /BAD .*FOUND digits as ASCII/,
    },
    {
      what: 'it was left there in base64',
      change: { searched: logWith(Buffer.from(`{"n":"${NUMBER}"}`).toString('base64')) },
      says: /BAD .*FOUND digits as base64/,
    },
  ])('is not when $what', ({ change, says }) => {
    const { good, text } = judge({ ...KEPT, ...change });
    expect(good).toBe(false);
    expect(text).toMatch(/^verdict: A PROMISE WAS NOT KEPT/);
    expect(text).toMatch(says);
    expect(text.match(/BAD {2}/g)).toHaveLength(1);
  });

  it('is not when masking was never confirmed', () => {
    const { ms_to_secured: _secured, ...evidence } = KEPT.evidence;
    expect(judge({ ...KEPT, evidence })).toMatchObject({ good: false });
  });

  it('shows no more of a number than its last four digits', () => {
    const { text } = judge({ ...KEPT, searched: logWith(NUMBER) });
    expect(text).toContain('•••• 4242');
    expect(text).not.toMatch(/\d{12}/);
  });
});
