import type { JsonObject } from './json.ts';

export type TranscriptSocket = 'caller' | 'agent' | 'listen' | 'http';

/** One message between jambonz and the application, or the opening or closing of a socket. Audio is left out. */
export interface TranscriptEntry {
  /** ms after the call was placed. */
  readonly atMs: number;
  readonly direction: 'jambonz->app' | 'app->jambonz';
  readonly socket: TranscriptSocket;
  readonly callSid: string;
  readonly message: JsonObject;
}

export class Transcript {
  readonly entries: TranscriptEntry[] = [];
  readonly #startedAtMs = performance.now();

  add(
    direction: TranscriptEntry['direction'],
    socket: TranscriptSocket,
    callSid: string,
    message: JsonObject,
  ): void {
    this.entries.push({ atMs: performance.now() - this.#startedAtMs, direction, socket, callSid, message });
  }
}

/** Something that the application sent and jambonz did not obey. The application is told nothing about it. */
export interface RefusedMessage {
  readonly callSid: string;
  readonly reason: string;
  /** The command, or the verb list, or the text of a frame that could not be read. */
  readonly content: unknown;
}
