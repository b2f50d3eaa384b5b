import { EventEmitter } from 'node:events';
import Client from '@jambonz/node-client-ws/lib/client.js';
import type { PackageLogger, Session } from '@jambonz/node-client-ws/lib/client.js';
import type { WebSocket } from 'ws';
import { checkSessionFrame } from './session-frame.ts';
import type { FrameProblem, SessionFrame } from './session-frame.ts';
import type { Verb } from './verbs.ts';

/** RFC 6455 7.4.1: the data was not what the type of message promises. jambonz connects again after it. */
const CLOSE_INVALID_DATA = 1007;

/** The package logs messages with their content, so nothing that it says is written. */
const deafLogger: PackageLogger = { info: () => {}, error: () => {}, debug: () => {} };

/** What one control socket of jambonz tells. Each is called synchronously, in the order of the frames. */
export interface SessionHandlers {
  /** `session:new`: reply within 5 s or jambonz ends the call with 480. */
  started(session: Session, socket: SessionSocket): void;
  /** `session:reconnect`: reply within 5 s or jambonz hangs up. Its data is the stale one of the start. */
  reconnected(session: Session, socket: SessionSocket): void;
  /** Every `call:status`, with or without a session on this socket. */
  status(status: SessionFrame, socket: SessionSocket): void;
  /** `verb:hook`: return the verbs to reply with. */
  hook(hook: SessionFrame, socket: SessionSocket): readonly Verb[];
  closed(code: number, socket: SessionSocket): void;
  /** A frame was refused and the socket is being closed. */
  refused(problem: FrameProblem): void;
}

/**
 * One control websocket of jambonz. The package gets this in place of the socket: only checked frames reach it, so
 * that no frame can make it throw, and what it would log goes nowhere.
 */
export class SessionSocket extends EventEmitter {
  readonly path: string;
  readonly #socket: WebSocket;
  readonly #handlers: SessionHandlers;
  #session: Session | undefined;

  constructor(socket: WebSocket, path: string, handlers: SessionHandlers) {
    super();
    this.path = path;
    this.#socket = socket;
    this.#handlers = handlers;
    const client = new Client(deafLogger, path);
    client.on('session:new', (session: Session) => this.#opened(session, 'started'));
    client.on('session:reconnect', (session: Session) => this.#opened(session, 'reconnected'));
    client.handle(this, path);
    socket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary));
    socket.on('error', () => {}); // the close that follows tells everything that matters
    socket.on('close', (code) => {
      this.emit('close', code, '');
      handlers.closed(code, this);
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(text: string): void {
    if (this.isOpen) this.#socket.send(text);
  }

  /** With 1000 jambonz never connects again: only for a leg that is over. */
  close(code = 1000): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #opened(session: Session, as: 'started' | 'reconnected'): void {
    this.#session = session;
    this.#handlers[as](session, this);
  }

  #received(data: Buffer, isBinary: boolean): void {
    const checked = checkSessionFrame(data, isBinary);
    if (checked.verdict === 'refuse') {
      this.#handlers.refused(checked.problem);
      this.close(CLOSE_INVALID_DATA);
      return;
    }
    if (checked.verdict === 'pass') this.#dispatch(checked.frame);
  }

  #dispatch(frame: SessionFrame): void {
    if (frame.type === 'call:status') {
      // The package drops a leg's statuses before its session:new, which hides busy and no answer.
      this.#handlers.status(frame, this);
      return;
    }
    if (frame.type === 'verb:hook') {
      this.#reply(frame);
      return;
    }
    const opensSession = frame.type !== 'session:redirect';
    if (opensSession && this.#session !== undefined) return; // one session a socket
    this.emit('message', Buffer.from(JSON.stringify(packageMessage(frame))), false);
  }

  #reply(frame: SessionFrame): void {
    const verbs = this.#handlers.hook(frame, this);
    const session = this.#session;
    if (session === undefined) return;
    // The package acks the hook that it saw last, so it must see this one: under a name that no event of its own has.
    const hook = `hook ${frame.msgid}`;
    session.once(hook, () => reply(session, verbs));
    this.emit('message', Buffer.from(JSON.stringify(packageMessage({ ...frame, hook }))), false);
  }
}

/**
 * Acks the newest message of the session with `verbs`. Throws, before anything is sent, on a verb that the package's
 * validator refuses: jambonz itself would leave it out and say nothing.
 */
export function reply(session: Session, verbs: readonly Verb[]): void {
  session.payload = [];
  for (const verb of verbs) {
    const { verb: name, ...options } = verb;
    // The validator knows no `type` of a recording (`cloud`), which jambonz takes.
    if (name === 'config') session.payload.push({ ...verb });
    else session.addVerb(name, options);
  }
  session.reply();
}

function packageMessage(frame: SessionFrame): Record<string, unknown> {
  const { type, msgid, callSid, hook, data } = frame;
  return { type, msgid, call_sid: callSid, hook, data };
}
