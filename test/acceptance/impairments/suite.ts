import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Impairments, KeyingOptions } from '../../../simulators/jambonz/media/contract.ts';
import type { DtmfTransport, Stack } from '../../../simulators/stack/stack.ts';
import { startCheckedStack } from '../../support/acceptance.ts';
import { expiryAt, securityCodeAt, TEST_CARDS, type TestCard } from '../../support/card-numbers.ts';
import {
  connectedCall,
  failuresOf,
  runTrial,
  runTrials,
  withLedgerAndMultimon,
  type KeyOutcome,
  type KeyTrial,
} from '../../support/key-trials.ts';

const LINES = 8;
/** Long enough to be heard, and to be known by what sounded before a key. */
const TALK_MS = 500;

/** Few of their digits differ from the one before: what is lost or doubled here is a wrong number. */
const REPEATED = ['5555555555554444', '4000000000000002'].map(cardOf);
/**
 * A number that has lost a digit, or has one too many, is never another number of its brand: 13, 16 and 19 digits, or
 * exactly 16, or exactly 15.
 */
const GUARDED_BY_LENGTH = ['4012001037141112', '5555555555554444', '378282246310005', '4000000000000002'].map(
  cardOf,
);
const SHORT = cardOf('4222222222222');

function cardOf(number: string): TestCard {
  const card = TEST_CARDS.find((candidate) => candidate.number === number);
  if (card === undefined) throw new Error('not a published number');
  return card;
}

interface Manner {
  readonly keying: KeyingOptions;
  readonly impairments?: Impairments;
  readonly cards?: readonly TestCard[];
  readonly request?: Readonly<Record<string, unknown>>;
  readonly guarded?: boolean;
  /** A value may be rejected; a wrong one is never taken. */
  readonly mayReject?: boolean;
}

function trialsOf(name: string, manner: Manner): KeyTrial[] {
  const { keying, impairments, cards = REPEATED, request } = manner;
  const audible = keying.transport === 'tones' || keying.transport === 'bleed';
  return cards.map((card, index) => {
    const keys = {
      card_number: `${card.number}#`,
      expiry: expiryAt(index),
      security_code: securityCodeAt(index, card.brand),
    };
    return {
      reference: `${name.replaceAll(/[^a-z0-9]+/g, '-')}-${index}`,
      card,
      keys,
      values: { ...keys, card_number: card.number },
      keying,
      guarded: manner.guarded ?? audible,
      lossy: manner.mayReject === true,
      ...(impairments && { caller: { impairments } }),
      ...(request && { request }),
    };
  });
}

const rfc4733 = (onMs: number, offMs: number): KeyingOptions => ({ transport: 'rfc4733', onMs, offMs });
const JITTER: Impairments = { jitterMs: 40 };
const LOSS: Impairments = { packetLoss: 0.05 };

/** No packet is lost: the ledger must have exactly the number that was keyed. */
const WITHOUT_LOSS: readonly (readonly [string, Manner])[] = [
  ['spaced end packets', { keying: { ...rfc4733(100, 100), spacedEndPackets: true } }],
  ['spaced end packets of short keys', { keying: { ...rfc4733(60, 80), spacedEndPackets: true } }],
  ['jitter, rfc4733', { keying: rfc4733(100, 100), impairments: JITTER }],
  ['jitter, info', { keying: { transport: 'info', onMs: 100, offMs: 80 }, impairments: JITTER }],
  ['jitter, tones', { keying: { transport: 'tones', onMs: 100, offMs: 80 }, impairments: JITTER }],
  [
    'jitter, bleed',
    { keying: { transport: 'bleed', onMs: 100, offMs: 100, toneLeadMs: 20 }, impairments: JITTER },
  ],
  [
    'jitter and spaced end packets',
    { keying: { ...rfc4733(100, 100), spacedEndPackets: true }, impairments: JITTER },
  ],
  ['fast rfc4733', { keying: rfc4733(40, 40) }],
  ['fast info', { keying: { transport: 'info', onMs: 40, offMs: 40 } }],
  ['fast tones', { keying: { transport: 'tones', onMs: 50, offMs: 50 } }],
  ['slow rfc4733', { keying: rfc4733(1200, 100), cards: [SHORT] }],
  ['slow info', { keying: { transport: 'info', onMs: 1200, offMs: 100 }, cards: [SHORT] }],
  ['slow tones', { keying: { transport: 'tones', onMs: 1200, offMs: 100 }, cards: [SHORT] }],
];

const SLOW_BLEED: Manner = {
  keying: { transport: 'bleed', onMs: 1200, offMs: 100, toneLeadMs: 60 },
  cards: [SHORT],
};

const WITH_LOSS: readonly (readonly [string, Manner])[] = (
  ['rfc4733', 'info', 'tones', 'bleed'] satisfies DtmfTransport[]
).map((transport) => [
  `loss, ${transport}`,
  {
    keying: { transport, onMs: 100, offMs: 80 },
    impairments: LOSS,
    cards: GUARDED_BY_LENGTH,
    request: { inter_digit_timeout_seconds: 2 },
    mayReject: true,
  },
]);

/** The agent never hears the caller. */
const ALWAYS: readonly (readonly [string, Manner])[] = (['rfc4733', 'info'] satisfies DtmfTransport[]).map(
  (transport) => [
    `always, ${transport}`,
    { keying: { transport, onMs: 100, offMs: 80 }, request: { guard: 'always' }, guarded: true },
  ],
);

/** Each bridge in a file of its own: they run at the same time. */
export function testImpairments(bridge: 'dial' | 'conference'): void {
  describe(`an imperfect line over the ${bridge} bridge`, () => {
    let stack: Stack;

    beforeAll(async () => {
      stack = await startCheckedStack({ bridge, lines: LINES });
    });
    afterAll(async () => await stack.close());

    async function run(manners: readonly (readonly [string, Manner])[]): ReturnType<typeof runTrials> {
      await stack.provider.admin.reset();
      // The slow ones first: they take longest.
      return await runTrials(
        stack,
        manners.toReversed().flatMap(([name, manner]) => trialsOf(name, manner)),
      );
    }

    it('takes exactly the number that was keyed when no packet is lost', async () => {
      const manners: (readonly [string, Manner])[] = [...WITHOUT_LOSS];
      if (bridge === 'conference') manners.push(['slow bleed', SLOW_BLEED]);
      expect(failuresOf(await run(manners))).toEqual([]);
    });

    it('takes no wrong number when packets are lost', async () => {
      const outcomes = await run(WITH_LOSS);
      expect(failuresOf(outcomes)).toEqual([]);
      // Otherwise the line was too bad to show anything.
      expect(outcomes.some(({ rejected }) => rejected === undefined)).toBe(true);
    });

    // Over a dial FreeSWITCH plays the queue of long events one after another: an event comes so late that the tone that
    // led it has counted already. A field may be rejected then; it is never filled with what was not keyed.
    it('takes no wrong number when events that tones lead are held back', async () => {
      expect(failuresOf(await run([['slow bleed', { ...SLOW_BLEED, mayReject: true }]]))).toEqual([]);
    });

    it('keeps the caller from the agent for the whole capture when the policy is always', async () => {
      expect(failuresOf(await run(ALWAYS))).toEqual([]);
    });

    async function runTwoOnOneCall(first: KeyTrial, second: KeyTrial): Promise<[KeyOutcome, KeyOutcome]> {
      await stack.provider.admin.reset();
      const call = await connectedCall(stack, 0, first);
      try {
        const outcomes = [await runTrial(stack, 0, call, first), await runTrial(stack, 0, call, second)];
        const [one, two] = await withLedgerAndMultimon(stack, outcomes);
        if (one === undefined || two === undefined) throw new Error('there are two captures');
        return [one, two];
      } finally {
        call.hangUpCaller();
        await call.whenEnded;
      }
    }

    it('opens the guard of a second capture at once when the first has shown that the phone sends events', async () => {
      const [first, second] = twoTrials('second, events', rfc4733(100, 80));
      const outcomes = await runTwoOnOneCall({ ...first, talkMs: TALK_MS }, { ...second, talkMs: TALK_MS });
      expect(failuresOf(outcomes)).toEqual([]);
      const { evidence } = outcomes[1];
      const guard = guardSteps(evidence);
      expect(guard.map(({ step }) => step)).toEqual(['guard_closed', 'guard_opened']);
      // Before the first key of this capture: the caller talks before it.
      expect(guard[1]?.at_ms).toBeLessThan((evidence?.ms_to_secured ?? 0) + TALK_MS);
    });

    it.each(['tones', 'bleed'] as const)(
      'keeps the guard of a second capture closed when the first has heard %s',
      async (transport) => {
        const [first, second] = twoTrials(`second, ${transport}`, { transport, onMs: 100, offMs: 80 });
        // From here on the phone sends events alone: it is not trusted again on this call.
        const outcomes = await runTwoOnOneCall(first, {
          ...second,
          keying: rfc4733(100, 80),
          talkMs: TALK_MS,
        });
        expect(failuresOf(outcomes)).toEqual([]);
        expect(guardSteps(outcomes[1].evidence).map(({ step }) => step)).toEqual(['guard_closed']);
      },
    );
  });
}

function twoTrials(name: string, keying: KeyingOptions): [KeyTrial, KeyTrial] {
  const [first, second] = trialsOf(name, { keying });
  if (first === undefined || second === undefined) throw new Error('two cards are needed');
  return [first, second];
}

type Evidence = NonNullable<KeyOutcome['evidence']>;

/** What the guard did, but for its opening when the capture has ended. */
function guardSteps(evidence: Evidence | undefined): Evidence['steps'] {
  return (evidence?.steps ?? []).filter(
    ({ step, detail }) => step.startsWith('guard_') && detail !== 'capture_ended',
  );
}
