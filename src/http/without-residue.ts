import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { HushtoneError } from '../kernel/errors.ts';

/**
 * OpenSSL's `SSL_OP_CLEANSE_PLAINTEXT`, which Node has no name for: what was decrypted is wiped from the library's own
 * buffer once it was handed on. For `secureOptions` of a TLS context.
 */
export const CLEANSE_PLAINTEXT = 0x2;

/** 128 KiB of the stack: a record of TLS, the largest thing that Node puts there, has 16 KiB. */
const OVERWRITTEN_WORDS = 16 * 1024;
const ZEROS: readonly number[] = Array.from({ length: OVERWRITTEN_WORDS }, () => 0);

/**
 * Wipes every piece of every request as soon as Node's parser has gone through it; what is left then are the pieces of
 * bodies, copies that belong to whoever reads them.
 *
 * A listener for data makes Node hand the pieces over one by one, in memory of their own. Without one its parser reads
 * from the socket by itself, into a buffer that all connections share and that keeps the last request.
 */
export function wipeWhatArrives(server: Server, tls: boolean): void {
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    // Registered after the parser's own listener, hence called after it.
    socket.on('data', (piece: Buffer) => void piece.fill(0));
  });
}

/**
 * Overwrites what earlier calls have left on the stack, where Node's TLS puts what it decrypts: the arguments of a call
 * are written there one by one. To be called from a turn of its own, above whatever was left.
 */
export function overwriteStack(): void {
  Reflect.apply(Math.max, Math, ZEROS);
}

/**
 * The pieces of a body one by one, each as it came. A stream that is iterated by itself puts pieces that wait together into
 * one more copy. Whoever takes a piece wipes it; what is not taken any more is wiped here. Throws `request_aborted`.
 */
export async function* piecesOf(body: Readable): AsyncGenerator<Buffer, void, undefined> {
  const waiting: Buffer[] = [];
  const seen = { end: false, loss: false, surrender: false };
  let wake = (): void => undefined;
  body.on('data', (piece: Buffer) => {
    if (seen.surrender) piece.fill(0);
    else waiting.push(piece);
    wake();
  });
  const lose = (): void => {
    seen.loss = true;
    wake();
  };
  body.on('error', lose).on('close', lose);
  body.on('end', () => {
    seen.end = true;
    wake();
  });
  try {
    for (;;) {
      const piece = waiting.shift();
      if (piece !== undefined) yield piece;
      else if (seen.end) return;
      else if (seen.loss) throw new HushtoneError('request_aborted', 'invalid', 'The request broke off.');
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    seen.surrender = true;
    for (const piece of waiting.splice(0)) piece.fill(0);
  }
}

/** Wipes a body that nobody reads: that of a request which is refused is somebody's card too. */
export function forgetBody(body: Readable): void {
  if (body.readableEnded || body.destroyed) return;
  body.on('data', (piece: Buffer) => void piece.fill(0)).on('error', () => undefined);
}
