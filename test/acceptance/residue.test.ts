import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { RecordingRelay } from '../../simulators/residue/recording-relay.ts';
import type { Finding } from '../../simulators/residue/search.ts';
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
import { randomCardNumber } from '../support/adapter-residue.ts';
import { randomKeyedCard, residueOfCards, startRelays, type RandomCard } from '../support/keyed-cards.ts';
import { searchForResidue } from '../support/residue.ts';

/** Quick, and still half as fast as a phone can be. */
const EVENTS: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 80 };
const TONES: KeyingOptions = { transport: 'tones', onMs: 120, offMs: 100 };

const text = (digits: readonly number[]): string => digits.join('');

interface Played {
  readonly call: SimulatedCall;
  readonly capture: FollowedCapture;
  readonly card: RandomCard;
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
    await call.caller.key(`${text(card.cardNumber)}#`, keying);
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
  (status: 'succeeded' | 'declined', pin?: (card: RandomCard) => string) =>
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
      await call.caller.key(text(card.cardNumber.slice(0, 14)), keying);
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
  {
    name: 'no answer in time',
    keying: EVENTS,
    status: 'succeeded',
    play: keyFields,
    disturb: async ({ admin }) => await admin.setFaults([{ kind: 'hang_after' }]),
  },
  {
    name: 'no answer at all',
    keying: EVENTS,
    status: 'failed',
    play: keyFields,
    disturb: async ({ admin }) =>
      await admin.setFaults([
        { kind: 'hang', times: 10 },
        { kind: 'hang', target: 'lookup', times: 10 },
      ]),
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

describe.each(['dial', 'conference'] as const)(
  'over the %s bridge a keyed card leaves no residue',
  (bridge) => {
    const answers: string[] = [];
    const played = new Map<string, Played>();
    let stack: Stack;
    let ledger: readonly LedgerEntry[];
    let relays: Readonly<Record<'provider' | 'database', RecordingRelay>>;
    let found: readonly Finding[];

    beforeAll(async () => {
      const { through, started } = startRelays();
      relays = started;
      stack = await startCheckedStack({
        bridge,
        lines: ENDINGS.length + 1,
        environment: { LOG_LEVEL: 'debug', PROVIDER_TIMEOUT_MS: '2000' },
        through,
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
        played.set(name, { call, capture, card: randomKeyedCard(), keying });
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
      const cards = Object.fromEntries([...played].map(([name, { card }]) => [name, card]));
      found = await searchAll(
        residueOfCards(cards),
        [...played.values()].map(({ capture }) => capture.stream.raw()),
      );
    }, 240_000);

    afterAll(async () => {
      await stack?.close();
      for (const relay of Object.values(relays ?? {})) await relay.close();
    });

    /** Everything that the gateway writes, keeps, sends or tells. */
    async function searchAll(
      values: Pick<Parameters<typeof searchForResidue>[0], 'values' | 'contexts'>,
      streams: readonly string[] = [],
    ): Promise<readonly Finding[]> {
      return await searchForResidue({
        stack,
        ...values,
        texts: { 'event streams': streams, 'HTTP answers': answers },
        traffic: {
          'traffic with the provider': relays.provider,
          'traffic with the database': relays.database,
        },
      });
    }

    it.each(ENDINGS)('$name', async ({ name, status }) => {
      const { capture, card, call } = played.get(name) as Played;
      expect(capture.latest()?.status).toBe(status);
      expect(found.filter(({ what }) => what.includes(`${name}: `))).toEqual([]);
      // That the digits went through the gateway is shown by what the provider has of them.
      const entries = ledger.filter(({ cardNumber }) => cardNumber === text(card.cardNumber));
      const processed = status === 'succeeded' || status === 'declined';
      const entry = { expiry: text(card.expiry), securityCode: text(card.securityCode), result: status };
      expect(entries).toMatchObject(processed ? [entry] : []);
      call.hangUpCaller();
      await call.whenEnded;
    });

    it('what went over the network was searched', () => {
      const [provider, database] = [relays.provider.recorded(), relays.database.recorded()];
      // TLS records of handshakes (RFC 8446, 5.1), and SQL.
      expect(provider.filter((piece) => piece[0] === 22 && piece.length > 1000).length).toBeGreaterThan(0);
      expect(database.some((piece) => piece.includes('payment_attempts'))).toBe(true);
    });

    it('the right PIN reached the provider as such, and a wrong one did not pass', () => {
      const entryOf = (name: string): LedgerEntry | undefined =>
        ledger.find(({ cardNumber }) => cardNumber === text((played.get(name) as Played).card.cardNumber));
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
      const card = randomKeyedCard();
      const values = { number: card.cardNumber };
      const call = await talkingCall(stack, { line });
      const capture = await startCapture(stack, { line });
      await capture.untilStatus('collecting');
      await keyFields({ call, capture, card, keying: EVENTS });
      const held = (await searchAll({ values })).filter(({ what }) => what === 'number as ASCII');
      expect(held).toEqual([
        { what: 'number as ASCII', place: 'memory', at: expect.stringMatching(/^at 0x/) as string },
      ]);
      await capture.command('cancel');
      await capture.untilStatus('cancelled');
      expect(await searchAll({ values })).toEqual([]);
      call.hangUpCaller();
      await call.whenEnded;
    });

    it('and a number that a client sends is refused, is in nothing that is kept, and is found in memory', async () => {
      const number = randomCardNumber([4]);
      const { status, body } = await stack.api.post('/v1/captures', {
        agent_id: stack.lines[0]?.agentId,
        purpose: 'tokenize',
        note: text(number),
      });
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'request_invalid' });
      const found = await searchAll({ values: { number } });
      expect(found.map(({ what, place }) => `${what}, ${place}`)).toContain('number as ASCII, memory');
      expect(found.filter(({ place }) => place !== 'memory')).toEqual([]);
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
        trace: /^number as 64-bit integer, the database in public\.planted_number$/,
      },
      {
        where: 'a file',
        plant: async (digits) => {
          await writeFile(join(stack.directory, 'tmp', 'planted'), Buffer.from(digits, 'utf16le'));
        },
        trace: /^number as UTF-16LE, the files of .* in .*\/tmp\/planted at byte 0$/,
      },
      {
        where: 'what the gateway says to its database',
        plant: async (digits) => {
          const client = new Client({ connectionString: relays.database.url });
          await client.connect();
          await client.query('SELECT $1::text', [digits]);
          await client.end();
        },
        trace: /^number as ASCII, traffic with the database in piece \d+ at byte \d+$/,
      },
    ])('and the search finds a number that is planted in $where', async ({ plant, trace }) => {
      const number = randomCardNumber([4]);
      await plant(text(number));
      const found = await searchAll({ values: { number } });
      expect(found.map(({ what, place, at }) => `${what}, ${place} ${at}`)).toContainEqual(
        expect.stringMatching(trace),
      );
    });
  },
);
