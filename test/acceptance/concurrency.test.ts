import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { LedgerEntry } from '../../simulators/sandbox-provider/ledger.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import { startCapture, startCheckedStack, talkingCall } from '../support/acceptance.ts';
import { agentOf } from '../support/agent-ear.ts';
import { expiryAt, securityCodeAt, TEST_CARDS, type TestCard } from '../support/card-numbers.ts';

const KEYING: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 80 };

interface Caller {
  readonly line: number;
  readonly card: TestCard;
  readonly expiry: string;
  readonly securityCode: string;
}

/** Everyone keys something else: number, expiry and code together are there once. */
function callers(count: number): Caller[] {
  return Array.from({ length: count }, (_, line) => {
    const card = TEST_CARDS[line % TEST_CARDS.length] as TestCard;
    return { line, card, expiry: expiryAt(line), securityCode: securityCodeAt(line, card.brand) };
  });
}

const referenceOf = (line: number): string => `order-${line}`;

/** From the request to the provider's answer. Returns how many event packets the agent got. */
async function capture(stack: Stack, { line, card, expiry, securityCode }: Caller): Promise<number> {
  const call = await talkingCall(stack, { line });
  const running = await startCapture(stack, { line, request: { reference: referenceOf(line) } });
  await running.untilStatus('collecting');
  await call.caller.key(`${card.number}#`, KEYING);
  await running.untilTaken('card_number');
  await call.caller.key(expiry, KEYING);
  await running.untilTaken('expiry');
  await call.caller.key(securityCode, KEYING);
  await running.untilStatus('ready');
  await running.command('submit');
  await running.untilStatus(card.declined ? 'declined' : 'succeeded');
  await running.stream.ended;
  const events = agentOf(call).telephoneEventsHeard().length;
  call.hangUpCaller();
  await call.whenEnded;
  return events;
}

describe.each([
  ['conference', 50],
  ['dial', 20],
] as const)('over the %s bridge, %i captures at once in one process', (bridge, count) => {
  let stack: Stack;
  const everyone = callers(count);

  beforeAll(async () => {
    // All of them open their sockets in the same second, on as many cores as this machine has.
    stack = await startCheckedStack({ bridge, lines: count, environment: { SECURE_TIMEOUT_MS: '15000' } });
  });
  afterAll(async () => await stack.close());

  it('each provider entry belongs to its call, and no agent gets a digit', async () => {
    const events = await Promise.all(everyone.map(async (caller) => await capture(stack, caller)));
    expect(events.filter((packets) => packets > 0)).toEqual([]);
    const ledger = await stack.provider.admin.ledger();
    const what = ({ reference, cardNumber, expiry, securityCode }: Partial<LedgerEntry>): string =>
      [reference, cardNumber, expiry, securityCode].join(' ');
    const keyed = everyone.map(({ line, card, expiry, securityCode }) =>
      what({ reference: referenceOf(line), cardNumber: card.number, expiry, securityCode }),
    );
    expect(ledger.map(what).sort()).toEqual([...keyed].sort());
  });
});
