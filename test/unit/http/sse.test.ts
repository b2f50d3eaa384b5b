/* oxlint-disable vitest/expect-expect -- until, followers and a promise of the end assert */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import { bearer, buildGateway, CAPTURE_ID, eventOf, type Gateway } from './gateway.ts';

const PATH = `/v1/captures/${CAPTURE_ID}/events`;

let gateway: Gateway;
let port: number;

beforeEach(async () => {
  gateway = await buildGateway();
  port = await gateway.listen();
});
afterEach(async () => {
  vi.useRealTimers();
  await gateway.http.close();
});

/** Waits without a timer, so that faked ones stand still. */
async function eventually(check: () => void | Promise<void>): Promise<void> {
  const deadline = performance.now() + 5000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

interface Reader {
  readonly response: IncomingMessage;
  /** Everything that has come so far. */
  text(): string;
  until(part: string): Promise<void>;
  /** The stream's regular end. */
  ended: Promise<unknown>;
  /** The connection is gone, in whatever way. */
  closed: Promise<unknown>;
}

async function open(headers: Record<string, string> = {}): Promise<Reader> {
  const request = get({
    host: '127.0.0.1',
    port,
    path: PATH,
    agent: false,
    headers: { authorization: await bearer(['captures:read']), ...headers },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (part: string) => (text += part));
  response.on('error', () => undefined);
  return {
    response,
    text: () => text,
    until: async (part) => await eventually(() => expect(text).toContain(part)),
    ended: new Promise((resolve) => response.once('end', resolve)),
    closed: new Promise((resolve) => response.once('close', resolve)),
  };
}

async function followers(count: number): Promise<void> {
  await eventually(() => expect(gateway.desk.followers.size).toBe(count));
}

const tell = (...sequences: number[]): void => {
  for (const { listener } of gateway.desk.followers) for (const n of sequences) listener(eventOf(n));
};
const end = (): void => {
  for (const { ended } of gateway.desk.followers) ended();
};

describe('a stream of events', () => {
  test('is announced as such, is not to be cached or buffered, and keeps the headers of helmet', async () => {
    const { response } = await open();
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
  });

  test('frames each event as id, event and one line of data', async () => {
    gateway.desk.past = [eventOf(1), eventOf(2)];
    const reader = await open();
    await followers(1);
    tell(7);
    end();
    await reader.ended;
    expect(reader.text()).toBe(
      [1, 2, 7]
        .map((n) => `id: ${n}\nevent: capture.field\ndata: ${JSON.stringify(eventOf(n))}\n\n`)
        .join(''),
    );
  });

  test('keeps an event in one frame whatever its text holds', async () => {
    gateway.desk.past = [eventOf(1, { reference: 'a\nb\r\n\ndata: c' })];
    const reader = await open();
    await reader.until('\n\n');
    expect(reader.text().split('\n\n').filter(Boolean)).toHaveLength(1);
    expect(reader.text()).not.toContain('\r');
  });

  test('is sent at once, event by event', async () => {
    const reader = await open();
    for (const n of [1, 2, 3]) {
      tell(n);
      await reader.until(`id: ${n}\n`);
    }
  });

  test.each([
    [undefined, 0],
    ['0', 0],
    ['41', 41],
    ['000000007', 7],
  ])('with Last-Event-ID %s starts after %d', async (id, after) => {
    await open(id === undefined ? {} : { 'last-event-id': id });
    const asked = gateway.desk.asked.find(({ operation }) => operation === 'follow');
    expect(asked?.what).toEqual([CAPTURE_ID, after]);
  });

  test.each(['x', '-1', '1.5', '1e3', '9999999999'])('refuses the Last-Event-ID %s', async (id) => {
    const reader = await open({ 'last-event-id': id });
    await reader.ended;
    expect(reader.response.statusCode).toBe(400);
    expect(JSON.parse(reader.text())).toMatchObject({
      code: 'request_invalid',
      problems: [{ pointer: '/headers/last-event-id' }],
    });
    expect(gateway.desk.asked).toEqual([]);
  });

  test('answers HEAD with the headers and follows nothing', async () => {
    const response = await gateway.http.inject({
      method: 'HEAD',
      url: PATH,
      headers: { authorization: await bearer() },
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(gateway.desk.asked.map(({ operation }) => operation)).toEqual(['get']);
  });
});

describe('the end of a stream', () => {
  test('comes after the last event, and nothing is followed any more', async () => {
    const reader = await open();
    await followers(1);
    tell(1);
    end();
    await reader.ended;
    expect(reader.text()).toContain('id: 1\n');
    await followers(0);
  });

  test('may come while the past is told: the subscription is given up all the same', async () => {
    // As `follow` does for a capture that is over: it tells everything, says so, and goes on reading.
    let release: () => void = () => undefined;
    gateway.desk.followGate = new Promise((resolve) => (release = resolve));
    gateway.desk.past = [eventOf(1)];
    const reader = await open();
    end();
    await reader.ended;
    await followers(1);
    release();
    await followers(0);
  });

  test('comes with the client that goes away', async () => {
    const reader = await open();
    await followers(1);
    reader.response.destroy();
    await followers(0);
    expect(() => tell(1)).not.toThrow();
  });

  test('comes with the client that goes away while the past is told', async () => {
    let release: () => void = () => undefined;
    gateway.desk.followGate = new Promise((resolve) => (release = resolve));
    gateway.desk.past = [eventOf(1)];
    const reader = await open();
    reader.response.destroy();
    await reader.closed;
    await eventually(async () => expect(await connections()).toBe(0));
    release();
    await followers(0);
  });

  test('comes with the server', async () => {
    const reader = await open();
    await followers(1);
    await gateway.http.close();
    await reader.closed;
    await followers(0);
  });

  test('takes no event after it, and none twice', async () => {
    const reader = await open();
    await followers(1);
    const [follower] = gateway.desk.followers;
    tell(1);
    end();
    follower?.listener(eventOf(2));
    follower?.ended();
    await reader.ended;
    expect(reader.text()).not.toContain('id: 2\n');
    await followers(0);
  });
});

async function connections(): Promise<number> {
  return await new Promise((resolve, reject) => {
    gateway.http.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

describe('a failure', () => {
  test('before the first event is a problem document', async () => {
    gateway.desk.failure = new HushtoneError('capture_not_found', 'not_found', 'There is no such capture.');
    const reader = await open();
    await reader.ended;
    expect(reader.response.statusCode).toBe(404);
    expect(reader.response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(reader.text())).toMatchObject({ code: 'capture_not_found' });
  });

  test('while the past is told cuts the stream, so that the client comes back', async () => {
    gateway.desk.past = [eventOf(1)];
    gateway.desk.followFailure = new HushtoneError('database_unavailable', 'unavailable', 'gone');
    const reader = await open();
    let ended = false;
    void reader.ended.then(() => (ended = true));
    await reader.closed;
    expect(ended).toBe(false);
  });

  test('without the scope is refused', async () => {
    const response = await gateway.http.inject({
      url: PATH,
      headers: { authorization: await bearer(['captures:write']) },
    });
    expect(response.statusCode).toBe(403);
    expect(gateway.desk.asked).toEqual([]);
  });
});

describe('a silent stream', () => {
  // Only the interval is not real: sockets and promises go on by themselves.
  beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));

  test('has a comment every 15 seconds', async () => {
    const reader = await open();
    await followers(1);
    vi.advanceTimersByTime(14_999);
    tell(1);
    await reader.until('id: 1\n');
    expect(reader.text()).not.toContain('heartbeat');
    vi.advanceTimersByTime(1);
    await reader.until(': heartbeat\n\n');
    vi.advanceTimersByTime(30_000);
    await eventually(() => expect(reader.text().match(/: heartbeat\n\n/g)).toHaveLength(3));
  });

  test('has none once the stream is over', async () => {
    const reader = await open();
    await followers(1);
    end();
    vi.advanceTimersByTime(60_000);
    await reader.ended;
    expect(reader.text()).not.toContain('heartbeat');
    await followers(0);
    await eventually(() => expect(vi.getTimerCount()).toBe(0));
  });
});

describe('a client that does not read', () => {
  const BIG = { reference: 'x'.repeat(64 * 1024) };

  const turn = async (): Promise<void> =>
    await new Promise((resolve) => {
      setImmediate(resolve);
    });

  /** Both ends of a connection whose client reads nothing. */
  async function stalled(): Promise<{ client: Socket; server: Socket }> {
    const accepted = once(gateway.http.server, 'connection') as Promise<[Socket]>;
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    await once(client, 'connect');
    client.pause();
    client.write(`GET ${PATH} HTTP/1.1\r\nhost: x\r\nauthorization: ${await bearer()}\r\n\r\n`);
    await followers(1);
    const [server] = await accepted;
    return { client, server };
  }

  /** The kernel takes some megabytes before anything waits in this process. */
  async function fill(server: Socket): Promise<void> {
    for (let n = 1; server.writableLength === 0; n += 1) {
      expect(n).toBeLessThan(2000);
      for (const { listener } of gateway.desk.followers) listener(eventOf(n, BIG));
      await turn();
    }
  }

  test('is disconnected when more waits for it than may', async () => {
    const { client, server } = await stalled();
    await fill(server);
    const [follower] = gateway.desk.followers;
    follower?.listener(eventOf(3000, BIG));
    expect(server.destroyed).toBe(false);
    for (let n = 3001; n <= 3004; n += 1) follower?.listener(eventOf(n, BIG));
    expect(server.destroyed).toBe(true);
    await followers(0);
    expect(() => follower?.listener(eventOf(4000, BIG))).not.toThrow();
    client.destroy();
  });

  test('is disconnected ten seconds after the end of the stream', async () => {
    const { client, server } = await stalled();
    await fill(server);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    end();
    await turn();
    vi.advanceTimersByTime(9_999);
    await turn();
    expect(server.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await followers(0);
    expect(server.destroyed).toBe(true);
    client.destroy();
  });

  test('that comes to read in time gets everything', async () => {
    const reader = await open();
    await followers(1);
    for (let n = 1; n <= 300; n += 1) {
      tell(n);
      if (n % 50 === 0) await reader.until(`id: ${n}\n`);
    }
    end();
    await reader.ended;
    expect(reader.text().match(/^id: \d+$/gm)).toEqual(Array.from({ length: 300 }, (_, n) => `id: ${n + 1}`));
  });
});
