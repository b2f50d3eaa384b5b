import type { Media, MediaLeg, OutboundLeg, Phone } from '../media/contract.ts';
import type { CallInfo } from './call-info.ts';
import type { ConferenceRooms, ConferenceSeat } from './conference-room.ts';
import type { Identities } from './identities.ts';
import type { JsonObject } from './json.ts';
import type { ListenOptions, ListenSocket } from './listen-socket.ts';
import type { Recorder } from './recorder.ts';
import type { Timers } from './timers.ts';
import type { Timings } from './timings.ts';
import type { RefusedMessage, Transcript } from './transcript.ts';

/** What every call of one simulated jambonz shares. */
export interface Exchange {
  readonly media: Media;
  readonly timings: Timings;
  readonly timers: Timers;
  readonly identities: Identities;
  readonly rooms: ConferenceRooms;
  readonly callerControls: 'none' | 'stock';
  readonly keepAudio: boolean;
  /** The application's webhook as the operator entered it. */
  readonly application: {
    readonly url: string;
    readonly username: string | undefined;
    readonly password: string | undefined;
    readonly ca: string | undefined;
  };
  readonly closing: AbortSignal;
  refuse(message: RefusedMessage): void;
}

/** The call as its sessions see it: who can be called, and who is told. */
export interface CallContext {
  readonly exchange: Exchange;
  readonly transcript: Transcript;
  phoneOf(number: string): Phone | undefined;
  /** An agent leg was made: by `dial` (with its parent) or by the `dial` command. */
  agentDialled(leg: OutboundLeg, info: CallInfo, phone: Phone): void;
  /** Caller and agent hear each other. */
  connected(): void;
  /** The final SIP status that the caller's INVITE got. */
  callerGot(status: number): void;
  /** A leg hung up, or jambonz hung it up. The first one is who ended the call. */
  ended(by: 'caller' | 'agent' | 'jambonz'): void;
  /** The `dial` command: a leg with a session of its own. Returns why not, when jambonz would not. */
  dialOut(data: JsonObject, session: Session): string | undefined;
}

export interface Verb extends JsonObject {
  readonly verb: string;
}

/** The dial verb while it runs. */
export interface DialInProgress {
  readonly info: CallInfo;
  readonly leg: OutboundLeg;
  readonly nestedListen: ListenSocket | undefined;
  mediaPath(path: string): string | undefined;
  /** The agent leg is replaced: a new SIP dialog with a new call id, to the same phone. */
  replaceLeg(): Promise<void>;
  /** The agent leg is gone, though its phone did not hang up. */
  lost(): void;
}

/** One leg under the control of the application: what verbs and commands may do with it. */
export interface Session {
  readonly exchange: Exchange;
  readonly call: CallContext;
  readonly info: CallInfo;
  readonly leg: MediaLeg;
  readonly recorder: Recorder;
  readonly answered: boolean;
  readonly gone: boolean;
  readonly listening: boolean;
  /** Set while the verb runs. */
  dial: DialInProgress | undefined;
  seat: ConferenceSeat | undefined;
  /** The bridge's media was handed to the SBC: FreeSWITCH sees no keys. */
  mediaReleased: boolean;
  /** Called when listening starts on released media: the call's voice breaks for good. */
  breakVoice: (() => void) | undefined;
  /** Media is needed: answers the call, unless `early`. */
  needMedia(early: boolean): Promise<void>;
  answer(): Promise<void>;
  hangUp(): void;
  /** Ends a call that was never answered: 503 to a caller, a cancelled INVITE to an agent. */
  giveUp(): void;
  decline(status: number, reason: string | undefined): void;
  /**
   * Sends `verb:hook` (or `session:redirect`) and takes the verbs in its ack, unless told not to. Never rejects: what
   * is not answered in time is given up and the call goes on.
   */
  hook(hook: unknown, data: JsonObject, options?: HookOptions): Promise<void>;
  sendStatus(info: CallInfo): void;
  /** Replaces what is left of the verbs and ends the running one. Returns why not, when the list is invalid. */
  replaceVerbs(list: unknown): string | undefined;
  appendVerbs(list: unknown): string | undefined;
  listen(data: JsonObject): string | undefined;
  openListen(options: ListenOptions, leg: MediaLeg, info: CallInfo): ListenSocket;
  record(options: JsonObject): string | undefined;
}

export interface HookOptions {
  readonly type?: 'verb:hook' | 'session:redirect';
  readonly takeVerbs?: boolean;
  /** jambonz spells `b3` beside the data, but inside of it for conference events. */
  readonly b3?: 'beside' | 'inside';
}
