import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { Finding } from '../../simulators/residue/search.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource } from '../../src/workflows/contract.ts';
import { checkAnswer, keyCard, startCapture, startCheckedStack, talkingCall } from '../support/acceptance.ts';
import { randomKeyedCard, residueOfCards, startRelays, type RandomCard } from '../support/keyed-cards.ts';
import { searchForResidue } from '../support/residue.ts';

const EVENTS: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 80 };
const AMOUNT = { value: 4200, currency: 'EUR' };
const text = (digits: readonly number[]): string => digits.join('');

interface Storing {
  readonly name: string;
  readonly line: number;
  readonly request: Readonly<Record<string, unknown>>;
}

const STORING: readonly Storing[] = [
  { name: 'tokenize', line: 0, request: { purpose: 'tokenize', amount: undefined, token_storage: 'vault' } },
  { name: 'charge_and_save', line: 1, request: { purpose: 'charge_and_save', token_storage: 'vault' } },
];

describe('a card number that the vault keeps is found nowhere', () => {
  const { through, started: relays } = startRelays();
  const cards = Object.fromEntries(STORING.map(({ name }) => [name, randomKeyedCard()]));
  const cardOf = (name: string): RandomCard => cards[name] as RandomCard;
  const streams: string[] = [];
  const answers: string[] = [];
  const tokens = new Map<string, string>();
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({
      bridge: 'conference',
      lines: STORING.length + 1,
      environment: { LOG_LEVEL: 'debug' },
      through,
      onAnswer: (method, path, answer) => {
        checkAnswer(method, path, answer);
        answers.push(JSON.stringify([answer.headers, answer.body]));
      },
    });
    await Promise.all(STORING.map(store));
  });
  afterAll(async () => {
    await stack?.close();
    for (const relay of Object.values(relays)) await relay.close();
  });

  async function store({ name, line, request }: Storing): Promise<void> {
    const { cardNumber, expiry, securityCode } = cardOf(name);
    const call = await talkingCall(stack, { line });
    const capture = await startCapture(stack, { line, request });
    const keyed = { number: text(cardNumber), expiry: text(expiry), securityCode: text(securityCode) };
    await keyCard(call, capture, keyed, EVENTS);
    await capture.command('submit');
    const { payment } = await capture.untilStatus('succeeded');
    tokens.set(name, payment?.token ?? '');
    streams.push(capture.stream.raw());
    call.hangUpCaller();
    await call.whenEnded;
  }

  const search = async (): Promise<readonly Finding[]> =>
    await searchForResidue({
      stack,
      ...residueOfCards(cards),
      texts: { 'event streams': streams, 'HTTP answers': answers },
      traffic: { 'traffic with the provider': relays.provider, 'traffic with the database': relays.database },
    });

  const chargesOf = async (name: string): Promise<number> => {
    const ledger = await stack.provider.admin.ledger();
    return ledger.filter(({ cardNumber }) => cardNumber === text(cardOf(name).cardNumber)).length;
  };

  it('after it was stored', async () => {
    expect([...tokens.values()].filter((token) => !token.startsWith('tok_card_'))).toEqual([]);
    expect(await chargesOf('tokenize')).toBe(0);
    expect(await chargesOf('charge_and_save')).toBe(1);
    expect(await search()).toEqual([]);
  });

  it('after it was charged again, by its token', async () => {
    const { status, body } = await stack.api.post('/v1/payments', {
      purpose: 'charge',
      amount: AMOUNT,
      token: tokens.get('tokenize'),
    });
    expect([status, body]).toMatchObject([201, { status: 'captured' }]);
    // That the number is in the vault is shown by the provider, which has it now.
    expect(await chargesOf('tokenize')).toBe(1);
    expect(await search()).toEqual([]);
  });

  it('after it was charged with a security code that was captured anew', async () => {
    const line = STORING.length;
    const call = await talkingCall(stack, { line });
    const token = tokens.get('charge_and_save');
    const capture = await startCapture(stack, { line, request: { token } });
    await capture.untilStatus('collecting');
    await call.caller.key(text(cardOf('charge_and_save').securityCode), EVENTS);
    await capture.untilStatus('ready');
    await capture.command('submit');
    const ended: CaptureResource = await capture.untilStatus('succeeded');
    expect(ended.fields.map(({ field }) => field)).toEqual(['security_code']);
    streams.push(capture.stream.raw());
    expect(await chargesOf('charge_and_save')).toBe(2);
    expect(await search()).toEqual([]);
    call.hangUpCaller();
    await call.whenEnded;
  });

  it('after a crash, after which it is charged again', async () => {
    await stack.gateway().kill();
    await stack.restartGateway();
    const { status } = await stack.api.post('/v1/payments', {
      purpose: 'charge',
      amount: AMOUNT,
      token: tokens.get('tokenize'),
    });
    expect(status).toBe(201);
    expect(await chargesOf('tokenize')).toBe(2);
    expect(await search()).toEqual([]);
  });

  it('after its token was deleted', async () => {
    for (const token of tokens.values()) {
      expect((await stack.api.call('DELETE', `/v1/tokens/${token}`)).status).toBe(204);
    }
    expect(await search()).toEqual([]);
  });
});
