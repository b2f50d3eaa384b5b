import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { createNgClient } from '../../../../src/telephony/rtpengine/ng-client.ts';
import type { NgClient } from '../../../../src/telephony/rtpengine/ng.ts';
import { ManualClock } from './manual-clock.ts';

const PING = 'd7:command4:pinge';
const PONG = 'd6:result4:ponge';

interface Frame {
  readonly cookie: string;
  readonly body: string;
}

function frameOf(text: string): Frame {
  const space = text.indexOf(' ');
  return { cookie: text.slice(0, space), body: text.slice(space + 1) };
}

/** What came, in order, with a way to wait for the next. */
class Inbox<T> {
  readonly items: T[] = [];
  #waiting: (() => void)[] = [];

  push(item: T): void {
    this.items.push(item);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async nth(count: number): Promise<T> {
    while (this.items.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    return this.items[count - 1] as T;
  }
}

async function udpEngine() {
  const socket = createSocket('udp4');
  const frames = new Inbox<Frame & { from: RemoteInfo }>();
  socket.on('message', (message, from) => frames.push({ ...frameOf(message.toString('latin1')), from }));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(async () => {
    await once(socket.close(), 'close');
  });
  const clock = new ManualClock();
  const ng = createNgClient(`udp://127.0.0.1:${socket.address().port}`, {
    logger: silentLogger,
    clock,
    timeoutMs: 800,
  });
  onTestFinished(() => ng.close());
  const reply = (to: RemoteInfo, text: string): void => socket.send(text, to.port, to.address);
  return { frames, clock, ng, reply };
}

function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

async function tcpEngine() {
  const connections = new Inbox<{ socket: Socket; frames: Inbox<Frame> }>();
  const server = createServer((socket) => {
    const frames = new Inbox<Frame>();
    socket.on('data', (data) => {
      // Commands of these tests are pings: each ends in the same bytes.
      for (const text of data.toString('latin1').split(PING).slice(0, -1)) frames.push(frameOf(text + PING));
    });
    socket.on('error', () => undefined);
    connections.push({ socket, frames });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const { socket } of connections.items) socket.destroy();
    await once(server.close(), 'close');
  });
  const clock = new ManualClock();
  const { port } = server.address() as AddressInfo;
  const ng = createNgClient(`tcp://127.0.0.1:${port}`, { logger: silentLogger, clock, timeoutMs: 800 });
  onTestFinished(() => ng.close());
  return { connections, clock, ng };
}

const ping = (ng: NgClient): Promise<unknown> => ng.command({ command: 'ping' });

/** The error of a promise that must fail, observed from the start. */
function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'it succeeded',
    (error: unknown) => error,
  );
}

describe('over UDP', () => {
  test('a command is a cookie, a space and bencode; the answer with its cookie is the reply', async () => {
    const { frames, ng, reply, clock } = await udpEngine();
    const pinged = ng.command({ command: 'ping' });
    const { cookie, body, from } = await frames.nth(1);
    expect(cookie).toMatch(/^[\da-f]{24}$/);
    expect(body).toBe(PING);
    reply(from, `${cookie} ${PONG}`);
    expect((await pinged).get('result')).toEqual(Buffer.from('pong'));
    expect(clock.pending).toBe(0);
  });

  test('it is sent again with the same cookie until it is answered', async () => {
    const { frames, clock, ng, reply } = await udpEngine();
    const pinged = ping(ng);
    const first = await frames.nth(1);
    for (const [count, waitMs] of [
      [2, 100],
      [3, 150],
      [4, 250],
    ] as const) {
      await clock.advance(waitMs);
      expect(await frames.nth(count)).toMatchObject({ cookie: first.cookie, body: first.body });
    }
    reply(first.from, `${first.cookie} ${PONG}`);
    await pinged;
    await clock.advance(5_000);
    expect(frames.items).toHaveLength(4);
  });

  test('without an answer in time it is unreachable, and the late answer is ignored', async () => {
    const { frames, clock, ng, reply } = await udpEngine();
    const late = ping(ng);
    const outcome = failure(late);
    const { cookie, from } = await frames.nth(1);
    await clock.advance(800);
    expect(await outcome).toMatchObject({ code: 'rtpengine_unreachable', kind: 'unavailable' });
    reply(from, `${cookie} ${PONG}`);

    const next = ping(ng);
    const frame = await frames.nth(frames.items.length + 1);
    expect(frame.cookie).not.toBe(cookie);
    reply(frame.from, `${frame.cookie} ${PONG}`);
    await expect(next).resolves.toBeDefined();
  });

  test('a time-out of its own for one command', async () => {
    const { clock, ng } = await udpEngine();
    const outcome = failure(ng.command({ command: 'ping' }, { timeoutMs: 50 }));
    await clock.advance(50);
    expect(await outcome).toMatchObject({ code: 'rtpengine_unreachable', kind: 'unavailable' });
  });

  test('an unknown cookie, no cookie and rubbish are passed over; rubbish under the cookie refuses at once', async () => {
    const { frames, ng, reply } = await udpEngine();
    const pinged = ping(ng);
    const { cookie, from } = await frames.nth(1);
    for (const junk of ['', 'x', `0123456789abcdef01234567 ${PONG}`, ' d', `${'c'.repeat(100)} ${PONG}`]) {
      reply(from, junk);
    }
    reply(from, `${cookie} d6:result4:po`);
    await expect(pinged).rejects.toMatchObject({ code: 'rtpengine_refused' });
  });

  test('answers reach the command they belong to, in any order', async () => {
    const { frames, ng, reply } = await udpEngine();
    const both = [ng.command({ command: 'one' }), ng.command({ command: 'two' })] as const;
    await frames.nth(2);
    for (const { cookie, body, from } of [...frames.items].toReversed()) {
      reply(from, `${cookie} d6:result3:${body.includes('one') ? 'ONE' : 'TWO'}e`);
    }
    const replies = await Promise.all(both);
    expect(replies.map((each) => each.get('result'))).toEqual([Buffer.from('ONE'), Buffer.from('TWO')]);
  });

  test.each([
    ['Unknown call-ID', 'rtpengine_unknown_call'],
    ['Unknown call-id', 'rtpengine_unknown_call'],
    ['From-tag given, but no such tag exists', 'rtpengine_unknown_tag'],
    ['To-tag not found', 'rtpengine_unknown_tag'],
    ['Unrecognized command', 'rtpengine_refused'],
    ['', 'rtpengine_refused'],
  ])('the error answer "%s" is %s', async (reason, code) => {
    const { frames, ng, reply } = await udpEngine();
    const pinged = ping(ng);
    const { cookie, from } = await frames.nth(1);
    reply(from, `${cookie} d6:result5:error12:error-reason${reason.length}:${reason}e`);
    await expect(pinged).rejects.toMatchObject({ code });
  });

  test('no digit of an error reason is kept', async () => {
    const { frames, ng, reply } = await udpEngine();
    const pinged = ping(ng);
    const { cookie, from } = await frames.nth(1);
    const reason = 'No such call 4242424242424242';
    reply(from, `${cookie} d6:result5:error12:error-reason${reason.length}:${reason}e`);
    await expect(pinged).rejects.toThrow(/^rtpengine refused 'ping': No such call •{16}$/);
  });

  test('closing rejects what is under way and what comes later', async () => {
    const { frames, ng, clock } = await udpEngine();
    const outcome = failure(ping(ng));
    await frames.nth(1);
    await ng.close();
    await ng.close();
    expect(await outcome).toMatchObject({ code: 'rtpengine_unreachable', kind: 'unavailable' });
    await expect(ping(ng)).rejects.toMatchObject({ code: 'rtpengine_unreachable' });
    expect(clock.pending).toBe(0);
  });
});

describe('over TCP', () => {
  test('frames may be cut and joined anywhere', async () => {
    const { connections, ng } = await tcpEngine();
    const { socket, frames } = await connections.nth(1);
    const both = [ping(ng), ping(ng)];
    await frames.nth(2);
    const answers = frames.items.map(({ cookie }) => `${cookie} ${PONG}`).join('');
    for (const byte of Buffer.from(answers)) {
      if (!socket.write(Buffer.of(byte))) await once(socket, 'drain');
    }
    await expect(Promise.all(both)).resolves.toHaveLength(2);
  });

  test('a notification between the answers is passed over', async () => {
    const { connections, ng } = await tcpEngine();
    const { socket, frames } = await connections.nth(1);
    const pinged = ping(ng);
    const { cookie } = await frames.nth(1);
    socket.write(`00112233aabbccdd d6:notify6:onDTMF4:datad5:eventi4eee\n${cookie} ${PONG}`);
    await expect(pinged).resolves.toBeDefined();
  });

  test('a broken connection is made again with back-off, and what is unanswered is sent again as it was', async () => {
    const { connections, clock, ng } = await tcpEngine();
    let reconnects = 0;
    const stop = ng.onReconnect(() => {
      reconnects += 1;
    });
    const first = await connections.nth(1);
    const pinged = ping(ng);
    const { cookie } = await first.frames.nth(1);
    const pendingBefore = clock.pending;
    first.socket.destroy();
    // The client has noticed once it waits to connect again.
    while (clock.pending === pendingBefore) await setImmediate();
    await clock.advance(99);
    expect(connections.items).toHaveLength(1);
    await clock.advance(1);
    const second = await connections.nth(2);
    expect((await second.frames.nth(1)).cookie).toBe(cookie);
    second.socket.write(`${cookie} ${PONG}`);
    await expect(pinged).resolves.toBeDefined();
    expect(reconnects).toBe(1);
    stop();
  });

  test('a command given before the connection stands is sent when it does', async () => {
    const { connections, ng } = await tcpEngine();
    const pinged = ping(ng);
    const { socket, frames } = await connections.nth(1);
    socket.write(`${(await frames.nth(1)).cookie} ${PONG}`);
    await expect(pinged).resolves.toBeDefined();
  });

  test.each([
    ['no bencode', (cookie: string) => `${cookie} hello`],
    ['no cookie', () => 'x'.repeat(200)],
  ])('%s: the stream cannot be read on, so a new connection is made', async (_name, rubbish) => {
    const { connections, clock, ng } = await tcpEngine();
    const { socket, frames } = await connections.nth(1);
    const outcome = ping(ng).catch((error: unknown) => error);
    const { cookie } = await frames.nth(1);
    const gone = closing(socket);
    socket.write(rubbish(cookie));
    await gone;
    while (connections.items.length < 2) {
      await clock.advance(100);
      await setImmediate();
    }
    const second = await connections.nth(2);
    const next = ping(ng);
    const again = await second.frames.nth(1);
    second.socket.write(`${again.cookie} ${PONG}`);
    if (again.cookie === cookie) second.socket.write(`${(await second.frames.nth(2)).cookie} ${PONG}`);
    await expect(next).resolves.toBeDefined();
    await ng.close();
    await outcome;
  });

  test('a connection that was silent for long is given up with the first unanswered command', async () => {
    const { connections, clock, ng } = await tcpEngine();
    const { socket, frames } = await connections.nth(1);
    const first = ping(ng);
    socket.write(`${(await frames.nth(1)).cookie} ${PONG}`);
    await first;
    await clock.advance(9_500);
    const gone = closing(socket);
    const outcome = failure(ping(ng));
    await clock.advance(800);
    expect(await outcome).toMatchObject({ code: 'rtpengine_unreachable', kind: 'unavailable' });
    await gone;
    while (connections.items.length < 2) {
      await clock.advance(100);
      await setImmediate();
    }
  });

  test('no answer in time is unreachable; nothing is sent twice on a standing connection', async () => {
    const { connections, clock, ng } = await tcpEngine();
    const { frames } = await connections.nth(1);
    const outcome = failure(ping(ng));
    await frames.nth(1);
    await clock.advance(800);
    expect(await outcome).toMatchObject({ code: 'rtpengine_unreachable', kind: 'unavailable' });
    expect(frames.items).toHaveLength(1);
  });
});

test.each([
  'http://127.0.0.1:1',
  'udp://127.0.0.1',
  'udp://:22222',
  'udp://h:0',
  'tcp://h:70000',
  '127.0.0.1:1',
  '',
])('the address %j is refused', (url) => {
  expect(() => createNgClient(url, { logger: silentLogger })).toThrow(
    expect.objectContaining({ code: 'rtpengine_url', kind: 'invalid' }),
  );
});

test('an IPv6 address in brackets is taken', async () => {
  const socket = createSocket('udp6');
  socket.bind(0, '::1');
  await once(socket, 'listening');
  onTestFinished(async () => {
    await once(socket.close(), 'close');
  });
  socket.on('message', (message, from) => {
    socket.send(`${frameOf(message.toString()).cookie} ${PONG}`, from.port, from.address);
  });
  const ng = createNgClient(`udp://[::1]:${socket.address().port}`, { logger: silentLogger });
  onTestFinished(() => ng.close());
  await expect(ping(ng)).resolves.toBeDefined();
});
