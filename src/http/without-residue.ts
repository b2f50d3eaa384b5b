import type { Server } from 'node:http';
import type { Socket } from 'node:net';

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
