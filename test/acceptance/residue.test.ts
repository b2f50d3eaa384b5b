import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import { needlesOf, textNeedlesOf, type Needle } from '../../simulators/residue/needles.ts';
import {
  Search,
  searchDatabase,
  searchFiles,
  searchMemory,
  searchText,
} from '../../simulators/residue/search.ts';
import type { LedgerEntry } from '../../simulators/sandbox-provider/ledger.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource } from '../../src/workflows/contract.ts';
import {
  checkAnswer,
  startCapture,
  startCheckedStack,
  talkingCall,
  type FollowedCapture,
} from '../support/acceptance.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Quick, and still half as fast as a phone can be. */
const EVENTS: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 80 };
const TONES: KeyingOptions = { transport: 'tones', onMs: 120, offMs: 100 };

/** As a caller keys it; nothing else knows these digits. */
interface Card {
  readonly number: readonly number[];
  readonly expiry: readonly number[];
  readonly securityCode: readonly number[];
  readonly pin: readonly number[];
}

const randomDigits = (count: number): number[] => Array.from({ length: count }, () => randomInt(10));

/** A Visa of 16 digits with the check digit of ISO/IEC 7812-1 annex B. */
function randomVisa(): number[] {
  const digits = [4, ...randomDigits(14)];
  const sum = digits
    .toReversed()
    .map((digit, index) => (index % 2 === 0 ? digit * 2 : digit))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return [...digits, (10 - (sum % 10)) % 10];
}

function randomCard(): Card {
  const month = randomInt(1, 13);
  const year = new Date().getUTCFullYear() + 1 + randomInt(8);
  const expiry = Array.from(`${String(month).padStart(2, '0')}${year % 100}`, Number);
  return { number: randomVisa(), expiry, securityCode: randomDigits(3), pin: randomDigits(12) };
}

const text = (digits: readonly number[]): string => digits.join('');

/**
 * What must not be left of a card: its number in every form, whole and by more than the first eight digits; the PIN;
 * and the other values within the run of keys, and as members of the plaintext that was sealed, as they are too short
 * to be looked for alone.
 */
function needlesOfCard(name: string, { number, expiry, securityCode, pin }: Card): Needle[] {
  const run = [...number.slice(-4), ...expiry, ...securityCode];
  const member = (key: string, digits: readonly number[]): Needle[] =>
    (['utf8', 'utf16le'] as const).map((encoding) => ({
      name: `${name}: ${key} in JSON`,
      bytes: Buffer.from(`"${key}":"${text(digits)}"`, encoding),
    }));
  return [
    ...needlesOf(`${name}: card number`, number),
    ...textNeedlesOf(`${name}: beginning of the card number`, number.slice(0, 9)),
    ...textNeedlesOf(`${name}: end of the card number`, number.slice(-9)),
    ...needlesOf(`${name}: PIN`, pin),
    ...textNeedlesOf(`${name}: keys in a row`, run),
    ...member('security_code', securityCode),
    ...member('pin', pin),
  ];
}

interface Played {
  readonly call: SimulatedCall;
  readonly capture: FollowedCapture;
  readonly card: Card;
  readonly keying: KeyingOptions;
}

interface Ending {
  readonly name: string;
  readonly keying: KeyingOptions;
  readonly status: CaptureResource['status'];
  readonly request?: Readonly<Record<string, unknown>>;
  /** Up to the end, or up to `ready` when there is a `disturb`. */
  readonly play: (played: Played) => Promise<void>;
  /** What befalls the provider before the card is submitted. The ones that have this are submitted one by one. */
  readonly disturb?: (provider: Stack['provider']) => Promise<void>;
}

const ALL_FIELDS = ['card_number', 'expiry', 'security_code', 'pin'].map((field) => ({ field }));

/** Keys the card number, and again when it is rejected, as callers do. What was keyed in vain must leave nothing either. */
async function keyNumber({ call, capture, card, keying }: Played): Promise<void> {
  for (let rejected = 0; ; rejected += 1) {
    await call.caller.key(`${text(card.number)}#`, keying);
    const { fields } = await capture.until(
      ({ fields: [field] }) => field?.status === 'accepted' || (field?.attempts ?? 0) > rejected,
    );
    if (fields[0]?.status === 'accepted') return;
  }
}

async function keyFields(played: Played, pin?: string): Promise<void> {
  const { call, capture, card, keying } = played;
  await keyNumber(played);
  await call.caller.key(text(card.expiry), keying);
  await capture.untilTaken('expiry');
  await call.caller.key(text(card.securityCode), keying);
  if (pin !== undefined) {
    await capture.untilTaken('security_code');
    await call.caller.key(pin, keying);
  }
  await capture.untilStatus('ready');
}

const charge =
  (status: 'succeeded' | 'declined', pin?: (card: Card) => string) =>
  async (played: Played): Promise<void> => {
    await keyFields(played, pin?.(played.card));
    await played.capture.command('submit');
    await played.capture.untilStatus(status);
  };

const ENDINGS: readonly Ending[] = [
  {
    name: 'success by events, with the right PIN',
    keying: EVENTS,
    status: 'succeeded',
    request: { fields: ALL_FIELDS },
    play: charge('succeeded', () => '1234#'),
  },
  { name: 'success by tones', keying: TONES, status: 'succeeded', play: charge('succeeded') },
  {
    name: 'decline for a wrong PIN',
    keying: EVENTS,
    status: 'declined',
    request: { fields: ALL_FIELDS },
    play: charge('declined', ({ pin }) => text(pin)),
  },
  {
    name: 'cancelled in mid-number',
    keying: EVENTS,
    status: 'cancelled',
    async play({ call, capture, card, keying }) {
      await call.caller.key(text(card.number.slice(0, 14)), keying);
      await capture.until(({ fields }) => fields[0]?.digits === 14);
      await capture.command('cancel');
      await capture.untilStatus('cancelled');
    },
  },
  {
    name: 'time-out',
    keying: EVENTS,
    status: 'expired',
    request: { timeout_seconds: 10 },
    async play(played) {
      const { call, capture, card, keying } = played;
      await keyNumber(played);
      await call.caller.key(text(card.expiry), keying);
      await capture.untilStatus('expired');
    },
  },
  {
    name: 'the caller hangs up',
    keying: EVENTS,
    status: 'abandoned',
    async play(played) {
      await keyFields(played);
      played.call.hangUpCaller();
      await played.capture.untilStatus('abandoned');
    },
  },
  {
    name: 'lost answer',
    keying: EVENTS,
    status: 'succeeded',
    play: keyFields,
    disturb: async ({ admin }) => await admin.setFaults([{ kind: 'lose_answer' }]),
  },
  // The last: with the provider goes its ledger.
  {
    name: 'provider down',
    keying: EVENTS,
    status: 'failed',
    play: keyFields,
    disturb: async (provider) => await provider.stop(),
  },
];

/** Everything that the gateway writes, keeps or tells. Returns what was found, with where. */
async function searchAll(
  stack: Stack,
  streams: readonly string[],
  answers: readonly string[],
  needles: readonly Needle[],
): Promise<string[]> {
  const search = new Search(needles);
  const { rows, directory } = await searchDatabase(stack.databaseUrl, search);
  const directories = new Set([directory, stack.directory, join(ROOT, 'demo-output'), join(ROOT, '.data')]);
  const searched = [
    searchText('log', 'lines', stack.gateway().log, search),
    searchText('event streams', 'streams', streams, search),
    searchText('HTTP answers', 'answers', answers, search),
    rows,
    ...[...directories].map((each) => searchFiles(each, search)),
    searchMemory('memory', stack.gateway().pid, search),
  ];
  return searched.flatMap(({ place, found }) => found.map((what) => `${what}, ${place}`));
}

describe.each(['dial', 'conference'] as const)(
  'over the %s bridge a keyed card leaves no residue',
  (bridge) => {
    const answers: string[] = [];
    const played = new Map<string, Played>();
    let stack: Stack;
    let ledger: readonly LedgerEntry[];
    let found: readonly string[];

    beforeAll(async () => {
      stack = await startCheckedStack({
        bridge,
        lines: ENDINGS.length + 1,
        environment: { LOG_LEVEL: 'debug' },
        onAnswer: (method, path, answer) => {
          checkAnswer(method, path, answer);
          answers.push(JSON.stringify([answer.headers, answer.body]));
        },
      });
      const begin = async (ending: Ending): Promise<void> => {
        const { name, keying, request } = ending;
        const line = ENDINGS.indexOf(ending);
        const call = await talkingCall(stack, { line });
        const capture = await startCapture(stack, { line, ...(request && { request }) });
        played.set(name, { call, capture, card: randomCard(), keying });
        await capture.untilStatus('collecting');
      };
      const play = async (ending: Ending): Promise<void> => {
        await ending.play(played.get(ending.name) as Played);
      };
      // A machine that is too busy for real time loses audio, and with it tones: those are keyed while nobody else
      // calls. Events are keyed all at once, when all calls are up and secured.
      const byTones = ENDINGS.filter(({ keying }) => keying === TONES);
      for (const ending of byTones) {
        await begin(ending);
        await play(ending);
      }
      const byEvents = ENDINGS.filter(({ keying }) => keying !== TONES);
      await Promise.all(byEvents.map(begin));
      await Promise.all(byEvents.map(play));
      for (const { name, disturb, status } of ENDINGS) {
        if (disturb === undefined) continue;
        ledger = await stack.provider.admin.ledger();
        await disturb(stack.provider);
        const { capture } = played.get(name) as Played;
        await capture.command('submit');
        await capture.untilStatus(status);
      }
      const needles = [...played].flatMap(([name, { card }]) => needlesOfCard(name, card));
      const streams = [...played.values()].map(({ capture }) => capture.stream.raw());
      found = await searchAll(stack, streams, answers, needles);
    }, 240_000);

    afterAll(async () => await stack?.close());

    it.each(ENDINGS)('$name', async ({ name, status }) => {
      const { capture, card, call } = played.get(name) as Played;
      expect(capture.latest()?.status).toBe(status);
      expect(found.filter((what) => what.startsWith(`${name}: `))).toEqual([]);
      // That the digits went through the gateway is shown by what the provider has of them.
      const entries = ledger.filter(({ cardNumber }) => cardNumber === text(card.number));
      const processed = status === 'succeeded' || status === 'declined';
      const entry = { expiry: text(card.expiry), securityCode: text(card.securityCode), result: status };
      expect(entries).toMatchObject(processed ? [entry] : []);
      call.hangUpCaller();
      await call.whenEnded;
    });

    it('the right PIN reached the provider as such, and a wrong one did not pass', () => {
      const entryOf = (name: string): LedgerEntry | undefined =>
        ledger.find(({ cardNumber }) => cardNumber === text((played.get(name) as Played).card.number));
      expect(entryOf('success by events, with the right PIN')).toMatchObject({
        pinOk: true,
        result: 'succeeded',
      });
      expect(entryOf('decline for a wrong PIN')).toMatchObject({
        pinOk: false,
        declineCode: 'incorrect_pin',
      });
      expect(played.get('decline for a wrong PIN')?.capture.latest()?.payment).toMatchObject({
        status: 'declined',
        decline_reason: 'incorrect_pin',
      });
    });

    // The search itself needs to be tested once only.
    if (bridge === 'dial') return;

    it('and the search finds the digits where they are meant to be while they are held', async () => {
      const line = ENDINGS.length;
      const card = randomCard();
      const call = await talkingCall(stack, { line });
      const capture = await startCapture(stack, { line });
      await capture.untilStatus('collecting');
      await keyFields({ call, capture, card, keying: EVENTS });
      const number = new Search(needlesOf('number', card.number));
      expect(searchMemory('memory', stack.gateway().pid, number).found).toEqual([
        expect.stringMatching(/^number as ASCII, at 0x/),
      ]);
      await capture.command('cancel');
      await capture.untilStatus('cancelled');
      expect(searchMemory('memory', stack.gateway().pid, number).found).toEqual([]);
      call.hangUpCaller();
      await call.whenEnded;
    });

    it('and a number that a client sends is refused, is in nothing that is kept, and is found in memory', async () => {
      const number = randomVisa();
      const { status, body } = await stack.api.post('/v1/captures', {
        agent_id: stack.lines[0]?.agentId,
        purpose: 'tokenize',
        note: text(number),
      });
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'request_invalid' });
      const found = await searchAll(stack, [], answers, needlesOf('number', number));
      expect(found).toContainEqual(expect.stringMatching(/^number as ASCII, at 0x\S+, memory$/));
      expect(found.filter((what) => !what.endsWith(', memory'))).toEqual([]);
    });

    it.each<{ where: string; plant: (digits: string) => Promise<void>; trace: RegExp }>([
      {
        where: 'a table',
        plant: async (digits) => {
          const client = new Client({ connectionString: stack.databaseUrl });
          await client.connect();
          await client.query(`CREATE TABLE planted_number AS SELECT ${digits}::bigint AS number`);
          await client.end();
        },
        trace: /^number as ASCII, in public\.planted_number, the database$/,
      },
      {
        where: 'a file',
        plant: async (digits) => {
          await writeFile(join(stack.directory, 'planted'), Buffer.from(digits, 'utf16le'));
        },
        trace: /^number as UTF-16, in .*\/planted, the files of /,
      },
    ])('and the search finds a number that is planted in $where', async ({ plant, trace }) => {
      const number = randomVisa();
      await plant(text(number));
      const found = await searchAll(stack, [], [], needlesOf('number', number));
      expect(found).toContainEqual(expect.stringMatching(trace));
    });
  },
);
