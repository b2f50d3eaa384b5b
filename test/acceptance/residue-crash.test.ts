import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { RecordingRelay } from '../../simulators/residue/recording-relay.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import { keyCard, startCapture, startCheckedStack, talkingCall } from '../support/acceptance.ts';
import { randomKeyedCard, residueOfCards, startRelays, type RandomCard } from '../support/keyed-cards.ts';
import { searchForResidue } from '../support/residue.ts';

const EVENTS: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 80 };
const text = (digits: readonly number[]): string => digits.join('');

/** See core(5). Where the system pipes core files to a program there is none to be searched. */
const PATTERN = readFileSync('/proc/sys/kernel/core_pattern', 'latin1').trim();
const CORE_FILES_ARE_WRITTEN = PATTERN !== '' && !PATTERN.startsWith('|') && !PATTERN.includes('/');

describe('a gateway that dies while it holds digits leaves none behind', () => {
  const { through, started: relays } = startRelays();
  const removed: string[] = [];
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'conference',
      lines: 6,
      // A caller who stops in mid-number is not given up while the memory is searched.
      environment: { LOG_LEVEL: 'debug', CAPTURE_INTER_DIGIT_TIMEOUT_SECONDS: '60' },
      through,
    });
  });
  afterEach(() => {
    for (const path of removed.splice(0)) rmSync(path, { force: true });
  });
  afterAll(async () => {
    await stack?.close();
    for (const relay of Object.values<RecordingRelay>(relays)) await relay.close();
  });

  /** Three cards in different states on the lines from `first` on: half keyed, all keyed, on their way to the provider. */
  async function holdCards(first: number): Promise<Readonly<Record<string, RandomCard>>> {
    const cards = { half: randomKeyedCard(), ready: randomKeyedCard(), sent: randomKeyedCard() };
    const begin = async (card: RandomCard, line: number) => {
      const call = await talkingCall(stack, { line });
      const capture = await startCapture(stack, { line });
      await capture.untilStatus('collecting');
      return {
        call,
        capture,
        keyed: {
          number: text(card.cardNumber),
          expiry: text(card.expiry),
          securityCode: text(card.securityCode),
        },
      };
    };
    const [half, ready, sent] = await Promise.all([
      begin(cards.half, first),
      begin(cards.ready, first + 1),
      begin(cards.sent, first + 2),
    ]);
    await Promise.all([
      half.call.caller.key(half.keyed.number.slice(0, 14), EVENTS),
      half.capture.until(({ fields }) => fields[0]?.digits === 14),
      keyCard(ready.call, ready.capture, ready.keyed, EVENTS),
      keyCard(sent.call, sent.capture, sent.keyed, EVENTS),
    ]);
    await stack.provider.admin.setFaults([{ kind: 'hang_after' }]);
    await sent.capture.command('submit');
    await expect
      .poll(async () => (await stack.provider.admin.ledger()).map(({ cardNumber }) => cardNumber), {
        timeout: 10_000,
      })
      .toContain(sent.keyed.number);
    return cards;
  }

  const search = async (
    cards: Readonly<Record<string, RandomCard>>,
    dead: boolean,
    directories: string[] = [],
  ) =>
    await searchForResidue({
      stack,
      ...residueOfCards(cards),
      traffic: { 'traffic with the provider': relays.provider, 'traffic with the database': relays.database },
      directories,
      dead,
    });

  it('killed: not in the database, its log, files or on the network, and not in memory when it is up again', async () => {
    const cards = await holdCards(0);
    const held = await search(cards, false);
    expect(held.map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        'the beginning of half: card number as ASCII',
        'ready: card number as ASCII',
        'sent: card number as ASCII',
      ]) as string[],
    );
    expect(held.filter(({ place }) => place !== 'memory')).toEqual([]);
    await stack.gateway().kill();
    expect(await search(cards, true)).toEqual([]);
    await stack.restartGateway();
    expect(await search(cards, false)).toEqual([]);
  });

  it.runIf(CORE_FILES_ARE_WRITTEN)('crashed, with core files switched on: not in the core file', async () => {
    const cards = await holdCards(3);
    const { pid, exited } = stack.gateway();
    execFileSync('prlimit', ['--pid', String(pid), '--core=unlimited:unlimited']);
    const directory = readlinkSync(`/proc/${pid}/cwd`);
    const before = new Set(readdirSync(directory));
    process.kill(pid, 'SIGABRT');
    await exited;
    const cores = readdirSync(directory).filter((name) => !before.has(name) && name.startsWith('core'));
    expect(cores).toHaveLength(1);
    removed.push(...cores.map((name) => join(directory, name)));
    expect(await search(cards, true, removed)).toEqual([]);
    await stack.restartGateway();
  });
});
