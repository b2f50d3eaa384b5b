import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DtmfTransport, Stack } from '../../simulators/stack/stack.ts';
import { startCheckedStack } from '../support/acceptance.ts';
import { TEST_CARDS } from '../support/card-numbers.ts';
import { failuresOf, runTrials, type KeyTrial } from '../support/key-trials.ts';
import { barrier } from '../support/parallel.ts';

/** Through a real media server each call costs this machine eight more streams. */
const CAPTURES = { conference: 50, dial: 20 } as const;
const ALL_MASKED_WITHIN_MS = 30_000;
const TRANSPORTS: readonly DtmfTransport[] = ['rfc4733', 'info', 'tones', 'bleed'];

/** No two have the same number, expiry and code: what another call keyed is always seen. */
function trials(count: number): KeyTrial[] {
  return Array.from({ length: count }, (_, index) => {
    const card = TEST_CARDS[index % TEST_CARDS.length];
    if (card === undefined) throw new Error('there are no cards');
    const transport = TRANSPORTS[index % TRANSPORTS.length] ?? 'rfc4733';
    const month = String((index % 12) + 1).padStart(2, '0');
    const year = String((new Date().getUTCFullYear() + 1 + (index % 9)) % 100).padStart(2, '0');
    const code = String(100 + index * 7).padStart(card.brand === 'amex' ? 4 : 3, '0');
    const values = { card_number: card.number, expiry: `${month}${year}`, security_code: code };
    return {
      reference: `call-${index}`,
      card,
      values,
      keys: { ...values, card_number: `${card.number}#` },
      keying: { transport, onMs: 100, offMs: 80 },
      guarded: transport === 'tones' || transport === 'bleed',
    };
  });
}

describe.each(['conference', 'dial'] as const)('captures at once over the %s bridge', (bridge) => {
  const count = CAPTURES[bridge];
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({ bridge, lines: count });
  });
  afterAll(async () => await stack.close());

  it(`takes ${count} numbers on ${count} calls, each for its own`, async () => {
    const keyed = trials(count);
    const tuples = keyed.map(({ values }) => Object.values(values).join(' '));
    expect(new Set(tuples).size).toBe(count);

    // No one keys before every call is masked: all the captures run at the same time.
    const beforeKeying = barrier(count, ALL_MASKED_WITHIN_MS);
    const outcomes = await runTrials(
      stack,
      keyed.map((trial) => ({ ...trial, beforeKeying })),
    );
    expect(failuresOf(outcomes)).toEqual([]);
  });
});
