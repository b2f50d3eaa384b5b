import { randomInt } from 'node:crypto';
import { Agent, request as httpsRequest } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needlesOf, textNeedlesOf } from '../../simulators/residue/needles.ts';
import { Search, searchMemory } from '../../simulators/residue/search.ts';
import { ACCOUNT, startStack, type Stack } from '../../simulators/stack/stack.ts';
import { ClientRegistry } from '../../src/access/client-registry-store.ts';
import { appendAudit } from '../../src/audit/store.ts';
import { openDatabase } from '../../src/db/database.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { randomCardNumber, randomDigits } from '../support/adapter-residue.ts';

const PATH = '/v1/connector/payments';

interface Sent {
  readonly cardNumber: readonly number[];
  readonly securityCode: readonly number[];
  readonly body: string;
}

/** A request with random digits, so that nothing else in memory equals them. */
function chargeOf(changes: Readonly<Record<string, unknown>> = {}): Sent {
  const cardNumber = randomCardNumber();
  const securityCode = randomDigits(3);
  const body = JSON.stringify({
    method: 'charge',
    transaction_id: `TX-${randomInt(1e9).toString(36)}`,
    cardnumber: cardNumber.join(''),
    cvv: securityCode.join(''),
    expiry_month: '08',
    expiry_year: '39',
    amount: '12.50',
    currency_code: 'EUR',
    parameters: {},
    ...changes,
  });
  return { cardNumber, securityCode, body };
}

/** A card number inside a text that is longer than a card number: in memory only as what was sent. */
const needlesOfSent = ({ cardNumber, securityCode }: Sent): Search =>
  new Search([
    ...needlesOf('card number', cardNumber),
    ...textNeedlesOf('beginning of the card number', cardNumber.slice(0, 9)),
    ...textNeedlesOf('end of the card number', cardNumber.slice(-9)),
    { name: 'security code in its context', bytes: Buffer.from(`"cvv":"${securityCode.join('')}`) },
  ]);

describe('the gateway as a connector of another voice platform', () => {
  let stack: Stack;
  let authorization: string;
  const agent = new Agent({ keepAlive: true });

  beforeAll(async () => {
    stack = await startStack({ bridge: 'conference', environment: { CONNECTOR_INBOUND: 'on' } });
    const database = openDatabase({ url: stack.databaseUrl, poolSize: 1 });
    try {
      const registry = new ClientRegistry({
        database,
        append: appendAudit,
        clock: systemClock,
        operator: 'tester',
      });
      const { client, secret } = await registry.createClient({
        accountId: ACCOUNT,
        name: 'voice platform',
        roles: ['integrator'],
        scopes: ['payments:write'],
        networks: [],
        certificateBound: false,
        secretDays: 1,
      });
      authorization = `Basic ${Buffer.from(`${client.id}:${secret?.secret}`).toString('base64')}`;
    } finally {
      await database.close();
    }
  });

  afterAll(async () => {
    agent.destroy();
    await stack?.close();
  });

  /** On a connection that is kept, as voice platforms do: its buffers are there when memory is searched. */
  const post = (
    body: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; answer: string }> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        new URL(PATH, stack.apiUrl),
        {
          method: 'POST',
          agent,
          ca: stack.caCertificate,
          headers: {
            authorization,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            ...headers,
          },
        },
        (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, answer }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });

  const found = (sent: Sent): readonly string[] =>
    searchMemory('memory', stack.gateway().pid, needlesOfSent(sent)).found;

  /** What is wiped is wiped a turn after the answer. */
  const expectNothingLeft = async (sent: Sent): Promise<void> =>
    await expect.poll(() => found(sent), { timeout: 10_000 }).toEqual([]);

  it('charges, and leaves no digit in its memory', async () => {
    const sent = chargeOf();
    const { status, answer } = await post(sent.body);
    expect([status, JSON.parse(answer)]).toMatchObject([200, { error_code: null }]);
    const ledger = await stack.provider.admin.ledger();
    expect(ledger.map(({ cardNumber, securityCode }) => [cardNumber, securityCode])).toContainEqual([
      sent.cardNumber.join(''),
      sent.securityCode.join(''),
    ]);
    await expectNothingLeft(sent);
    expect(stack.gateway().log.join('\n')).not.toContain(sent.cardNumber.join(''));
  });

  it.each([
    ['that it refuses', chargeOf({ method: 'refund' }), {}, 400],
    ['that is no JSON', { ...chargeOf(), prefix: '{"oops":' }, {}, 400],
    ['of a stranger', chargeOf(), { authorization: 'Basic eDp4' }, 401],
    ['that is too long', chargeOf({ pad: 'x'.repeat(20_000) }), {}, 400],
    ['with another media type', chargeOf(), { 'content-type': 'text/plain' }, 415],
  ])('leaves no digit of a request %s', async (_what, sent, headers, expected) => {
    const body = 'prefix' in sent ? `${sent.prefix}${sent.body}` : sent.body;
    const { status } = await post(body, headers);
    expect(status).toBe(expected);
    await expectNothingLeft(sent);
  });

  it('leaves no digit of a request that comes in pieces, cut within the number', async () => {
    const sent = chargeOf();
    const bytes = Buffer.from(sent.body);
    const cut = sent.body.indexOf('"cardnumber":"') + 20;
    const socket: TLSSocket = connect({
      host: '127.0.0.1',
      port: Number(new URL(stack.apiUrl).port),
      ca: stack.caCertificate,
    });
    socket.setNoDelay(true);
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    const write = (piece: string | Uint8Array): Promise<void> =>
      new Promise((resolve, reject) => {
        socket.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    const head = [
      'content-type: application/json',
      `content-length: ${bytes.length}`,
      `authorization: ${authorization}`,
    ];
    await write(`POST ${PATH} HTTP/1.1\r\nhost: gateway\r\n${head.join('\r\n')}\r\n\r\n`);
    await write(bytes.subarray(0, cut));
    await write(bytes.subarray(cut, cut + 4));
    await write(bytes.subarray(cut + 4));
    await expect.poll(() => answer, { timeout: 10_000 }).toContain('"charge_id":"pay_');
    await expectNothingLeft(sent);
    socket.destroy();
  });

  it('and the search finds what is held', async () => {
    const sent = chargeOf();
    await stack.provider.admin.reset();
    await stack.provider.admin.setFaults([{ kind: 'delay', delayMs: 8000 }]);
    const answered = post(sent.body);
    // The search keeps this process from anything else: it begins when the provider has the card.
    await expect.poll(() => stack.provider.admin.requests(), { timeout: 10_000 }).not.toEqual([]);
    expect(found(sent)).toContainEqual(expect.stringMatching(/^card number as ASCII/));
    expect((await answered).status).toBe(200);
    await expectNothingLeft(sent);
  });
});
