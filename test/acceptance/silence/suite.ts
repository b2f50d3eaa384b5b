import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DtmfTransport, Stack } from '../../../simulators/stack/stack.ts';
import type { EvidenceResource } from '../../../src/workflows/contract.ts';
import { startCheckedStack } from '../../support/acceptance.ts';
import { expiryAt, HALVES, securityCodeAt, type TestCard } from '../../support/card-numbers.ts';
import { failuresOf, runTrials, type KeyTrial } from '../../support/key-trials.ts';

const LINES = 12;
const TRANSPORTS: readonly DtmfTransport[] = ['rfc4733', 'info', 'tones', 'bleed'];
/** Which half of the cards over the dial bridge; the conference has the other half. */
const HALF: Readonly<Record<DtmfTransport, 0 | 1>> = { rfc4733: 0, info: 1, tones: 1, bleed: 0 };

/**
 * The guard opens when the first digit has shown that the phone sends no tone. But what the caller says in the 300 ms
 * before a key can hold the key's own two tones: about one look in fifty finds them. The gateway then takes the phone
 * for one that leads its events by tones, says so in its evidence, and stays guarded.
 */
const MOST_UNHEARD = 1 / 8;
/**
 * Before the first key, since the phone is known by what sounds in the 300 ms before it; after it, so that the return
 * of the voice can be heard.
 */
const TALK_MS = 500;

/** Begun and given up by `*` or `#`. No part of the second is a whole number: Mastercard has 16 digits, no fewer. */
const GIVEN_UP = { '*': '4012001037141112', '#': '5105105105105100' };
const POSTAL_CODES = ['01001', '00100', '10115', '90210', '0800'];
const LEADS_MS = [10, 15, 20, 30, 40, 60];

/**
 * What is pressed for one number. Of each three trials one keys straight on, one begins two other numbers and clears
 * them with `*`, one ends two with `#` too early: after 0 to 15 digits in the eight trials of a kind.
 */
function trialOf(card: TestCard, index: number, transport: DtmfTransport): KeyTrial {
  const { number, brand } = card;
  const expiry = expiryAt(index);
  const securityCode = securityCodeAt(index, brand);
  const postalCode = index % 4 === 3 ? POSTAL_CODES[index % POSTAL_CODES.length] : undefined;
  const giveUp = ([undefined, '*', '#'] as const)[index % 3];
  const begun = Math.floor(index / 3) % 8;
  const givenUp =
    giveUp === undefined
      ? []
      : [begun, 15 - begun].map((digits) => `${GIVEN_UP[giveUp].slice(0, digits)}${giveUp}`);
  const hash = index % 5 === 0 ? '#' : '';
  const events = transport === 'rfc4733' || transport === 'info';
  return {
    reference: `${transport}-${index}`,
    card,
    values: {
      card_number: number,
      expiry,
      security_code: securityCode,
      ...(postalCode !== undefined && { postal_code: postalCode }),
    },
    keys: {
      card_number: `${givenUp.join('')}${number}#`,
      expiry: index % 5 === 1 ? `0*1*${expiry}` : `${expiry}${hash}`,
      security_code: index % 5 === 2 ? `0*${securityCode}` : `${securityCode}${hash}`,
      ...(postalCode !== undefined && { postal_code: `${index % 8 === 3 ? '0*' : ''}${postalCode}#` }),
    },
    // `#` alone is no attempt.
    rejections: givenUp.filter((keys) => keys.endsWith('#') && keys.length > 1).length,
    keying: {
      transport,
      onMs: index % 2 === 0 ? 80 : 100,
      offMs: index % 4 < 2 ? 60 : 80,
      ...(transport === 'bleed' && { toneLeadMs: LEADS_MS[index % LEADS_MS.length] ?? 30 }),
    },
    guarded: !events,
    talkMs: events ? TALK_MS : 0,
  };
}

/** Each bridge in a file of its own. */
export function testSilence(bridge: 'dial' | 'conference'): void {
  describe(`silence over the ${bridge} bridge`, () => {
    let stack: Stack;

    beforeAll(async () => {
      stack = await startCheckedStack({ bridge, lines: LINES });
    });
    afterAll(async () => await stack.close());

    it.each(TRANSPORTS)(
      'keeps every key from the agent and none from the provider: %s',
      async (transport) => {
        await stack.provider.admin.reset();
        const half = (bridge === 'dial') === (HALF[transport] === 0) ? 0 : 1;
        const outcomes = await runTrials(
          stack,
          HALVES[half].map((card, index) => trialOf(card, index, transport)),
        );
        expect(failuresOf(outcomes)).toEqual([]);
        expect(outcomes.length).toBeGreaterThanOrEqual(20);
        if (transport === 'tones' || transport === 'bleed') return;
        const unheard = outcomes.filter(({ voiceBack }) => voiceBack !== true);
        expect(unheard.length).toBeLessThanOrEqual(outcomes.length * MOST_UNHEARD);
        // Nobody is kept from the agent to the end without a reason on record.
        const kept = outcomes.filter(({ evidence }) => !opensInTime(evidence));
        expect(kept.map(({ evidence }) => evidence?.transport)).not.toContain('events');
      },
    );
  });
}

/** The guard opened while the capture ran: its end opens it anyway. */
function opensInTime(evidence: EvidenceResource | undefined): boolean {
  return (evidence?.steps ?? []).some(
    ({ step, detail }) => step === 'guard_opened' && detail !== 'capture_ended',
  );
}
