/**
 * Types of the parts of `@jambonz/node-client-ws` 0.2.13 that are used here; the package ships none.
 *
 * `Client` is taken from the package's own file and made once a socket: a shared one keeps a single bound message
 * handler and so leaves its handler on every socket but the newest.
 */
declare module '@jambonz/node-client-ws/lib/client.js' {
  import type { EventEmitter } from 'node:events';

  /** What the package asks of a websocket. */
  export interface SessionSocketLike extends EventEmitter {
    readonly req?: unknown;
    send(text: string): void;
    close(): void;
  }

  /** The package logs whole messages through this: never hand it a logger that writes its arguments. */
  export interface PackageLogger {
    info(...entries: readonly unknown[]): void;
    error(...entries: readonly unknown[]): void;
    debug(...entries: readonly unknown[]): void;
  }

  /** One call leg. Emits `call:status`, `close`, and a `verb:hook` under the name of its hook. */
  export interface Session extends EventEmitter {
    readonly call_sid: string;
    readonly msgid: string;
    /** What the message carried, besides `sip_status`, `sip_reason` and `call_status`. */
    readonly data: Readonly<Record<string, unknown>>;
    /** Verbs for the next `reply`. */
    payload: Record<string, unknown>[];
    /** Validates and queues a verb for the next `reply`. Throws on a verb that jambonz would not take. */
    addVerb(verb: string, options: Readonly<Record<string, unknown>>): this;
    /** Acks the newest message that needs it, with the queued verbs; without a `data` field when there are none. */
    reply(): void;
    /** Commands never get a reply. */
    sendCommand(command: string, data?: Readonly<Record<string, unknown>>): void;
    close(): void;
  }

  /** Emits `session:new` and `session:reconnect`, each with a new Session. */
  export default class Client extends EventEmitter {
    constructor(logger: PackageLogger, path: string);
    handle(socket: SessionSocketLike, path: string): void;
  }
}
