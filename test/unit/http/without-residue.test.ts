import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CLEANSE_PLAINTEXT,
  forgetBody,
  overwriteStack,
  piecesOf,
  wipeWhatArrives,
} from '../../../src/http/without-residue.ts';

const isWiped = (piece: Uint8Array): boolean => piece.every((byte) => byte === 0);

describe('piecesOf', () => {
  it('gives the pieces that wait one by one, in the memory in which they came', async () => {
    const body = new PassThrough();
    const pieces = ['4242', '4242', '4242', '4242'].map((text) => Buffer.from(text));
    for (const piece of pieces) body.write(piece);
    body.end();
    const taken: Buffer[] = [];
    for await (const piece of piecesOf(body)) taken.push(piece);
    expect(taken).toHaveLength(4);
    for (const [index, piece] of taken.entries()) expect(piece.buffer).toBe(pieces[index]?.buffer);
  });

  it('gives pieces that come later', async () => {
    const body = new PassThrough();
    const reading = (async () => {
      const taken: string[] = [];
      for await (const piece of piecesOf(body)) taken.push(piece.toString());
      return taken;
    })();
    for (const text of ['a', 'b', 'c']) {
      body.write(text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    body.end();
    expect(await reading).toEqual(['a', 'b', 'c']);
  });

  it('wipes what is not taken any more', async () => {
    const body = new PassThrough();
    const pieces = ['1111', '2222', '3333'].map((text) => Buffer.from(text));
    for (const piece of pieces) body.write(piece);
    const [first] = pieces;
    for await (const piece of piecesOf(body)) {
      expect(piece).toEqual(first);
      await new Promise((resolve) => setImmediate(resolve));
      break;
    }
    const late = Buffer.from('4444');
    body.write(late);
    await new Promise((resolve) => setImmediate(resolve));
    expect([pieces[1], pieces[2], late].map((piece) => piece !== undefined && isWiped(piece))).toEqual([
      true,
      true,
      true,
    ]);
    body.destroy();
  });

  it('tells a body that breaks off', async () => {
    const body = new PassThrough();
    body.write('4242');
    const reading = (async () => {
      for await (const piece of piecesOf(body)) piece.fill(0);
    })();
    body.destroy();
    await expect(reading).rejects.toMatchObject({ code: 'request_aborted' });
  });
});

describe('forgetBody', () => {
  it('wipes a body that nobody reads', async () => {
    const body = new PassThrough();
    const piece = Buffer.from('4242424242424242');
    body.write(piece);
    forgetBody(body);
    body.end();
    await once(body, 'end');
    expect(isWiped(piece)).toBe(true);
  });
});

describe('wipeWhatArrives', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  it('leaves every request as it was sent: only the pieces beneath it are wiped', async () => {
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => response.end(Buffer.concat(pieces)));
    });
    servers.push(server);
    const raw: Buffer[] = [];
    wipeWhatArrives(server, false);
    server.on('connection', (socket) => void socket.on('data', (piece: Buffer) => raw.push(piece)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const body = 'digits 4242424242424242 '.repeat(5000);
    const answer = await new Promise<string>((resolve, reject) => {
      const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('end', () => resolve(text));
      });
      request.on('error', reject);
      request.end(body);
    });
    expect(answer === body).toBe(true);
    expect(raw.length).toBeGreaterThan(0);
    expect(raw.every(isWiped)).toBe(true);
  });
});

it('the stack takes what overwrites it, and OpenSSL the option that wipes what it decrypted', () => {
  expect(() => overwriteStack()).not.toThrow();
  expect(CLEANSE_PLAINTEXT).toBe(2); // SSL_OP_BIT(1) in openssl/ssl.h of OpenSSL 3
});
