import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { newPathSecret } from '../../kernel/ids.ts';

/** jambonz opens the socket 50 ms after it was told to; an older path is nobody's. */
const PATH_LIFETIME_MS = 15_000;

interface IssuedPath {
  readonly accept: (socket: WebSocket) => void;
  readonly expiry: Timer;
}

/** The unguessable paths that listen sockets may be opened at, each for one leg and once. */
export class ListenPaths {
  readonly #clock: Clock;
  readonly #issued = new Map<string, IssuedPath>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A fresh path segment; `accept` gets the socket that is opened there. */
  issue(accept: (socket: WebSocket) => void): string {
    const token = newPathSecret();
    const expiry = this.#clock.after(PATH_LIFETIME_MS, () => this.#issued.delete(token));
    this.#issued.set(token, { accept, expiry });
    return token;
  }

  revoke(token: string): void {
    this.#issued.get(token)?.expiry.cancel();
    this.#issued.delete(token);
  }

  /** Takes the path out of use; undefined when it was never issued, was used, or is too old. */
  redeem(token: string): ((socket: WebSocket) => void) | undefined {
    const issued = this.#issued.get(token);
    this.revoke(token);
    return issued?.accept;
  }

  clear(): void {
    for (const token of this.#issued.keys()) this.revoke(token);
  }
}
