import type { Session } from '@jambonz/node-client-ws/lib/client.js';
import { HushtoneError } from '../../kernel/errors.ts';
import type { SessionSocket } from './session-socket.ts';

/**
 * The way to command one leg. A reconnect brings a new session and makes the old one dead; the link is what stays.
 */
export class ControlLink {
  readonly #listeners = new Set<(up: boolean) => void>();
  #session: Session | undefined;
  #socket: SessionSocket | undefined;

  get isUp(): boolean {
    return this.#socket?.isOpen ?? false;
  }

  /** Told of every drop and every return. Returns the undo. */
  onChange(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest session of the leg. */
  attach(session: Session, socket: SessionSocket): void {
    const stale = this.#socket;
    this.#session = session;
    this.#socket = socket;
    if (stale !== undefined && stale !== socket) stale.terminate();
    for (const listener of this.#listeners) listener(true);
  }

  /** The socket closed. One that a newer socket has replaced means nothing; the answer says which it was. */
  detach(socket: SessionSocket): boolean {
    if (this.#socket !== socket) return false;
    this.#session = undefined;
    this.#socket = undefined;
    for (const listener of this.#listeners) listener(false);
    return true;
  }

  /** Sends a command; jambonz answers none. Throws `control_lost` while no socket is up. */
  send(command: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#session === undefined || !this.isUp) {
      throw new HushtoneError('control_lost', 'unavailable', 'no control connection to the telephone system');
    }
    this.#session.sendCommand(command, data);
  }

  /** Lets the leg's socket go: only once the leg is over. */
  close(): void {
    this.#socket?.close();
  }
}
