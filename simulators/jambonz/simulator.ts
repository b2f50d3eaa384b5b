import { setMaxListeners } from 'node:events';
import type { Media, PhoneOptions } from './media/contract.ts';
import { type CallOptions, SimulatedCall } from './protocol/call.ts';
import { ConferenceRooms } from './protocol/conference-room.ts';
import { Identities } from './protocol/identities.ts';
import type { Exchange } from './protocol/session.ts';
import { Timers } from './protocol/timers.ts';
import { measuredTimings, type Timings } from './protocol/timings.ts';
import type { RefusedMessage } from './protocol/transcript.ts';

export type { CallEnder, CallOptions, SimulatedCall } from './protocol/call.ts';
export type { Recording } from './protocol/recorder.ts';
export type { Timings } from './protocol/timings.ts';
export type { RefusedMessage, TranscriptEntry } from './protocol/transcript.ts';

export interface JambonzSimulatorOptions {
  /** The application's webhook, `ws://host:port/path` or `wss://…`. */
  readonly applicationUrl: string;
  /** Basic authentication, when the operator entered both for the webhook. */
  readonly username?: string;
  readonly password?: string;
  /** PEM of the CA to trust for `wss:` and `https:`. */
  readonly ca?: string;
  /** Stays the caller's: `close` leaves it open. */
  readonly media: Media;
  /** Phones that any call can dial. */
  readonly agents?: readonly PhoneOptions[];
  /** FreeSWITCH's conference profile. Default `none`, as the gateway needs it. */
  readonly callerControls?: 'none' | 'stock';
  /** The same seed gives the same ids. */
  readonly seed?: number;
  /** Whether recordings keep their audio (16 kB/s). Default true; keys are kept always. */
  readonly recordAudio?: boolean;
  readonly timings?: Partial<Timings>;
}

export interface JambonzSimulator {
  readonly media: Media;
  /** What the application sent and jambonz did not obey, of all calls. */
  readonly refused: readonly RefusedMessage[];
  /** Every call that was placed. */
  readonly calls: readonly SimulatedCall[];
  placeCall(options: CallOptions): SimulatedCall;
  /** Ends every call and socket. Idempotent. */
  close(): Promise<void>;
}

/** jambonz as an application sees it: feature server and SBC, driving `media`. */
export function startJambonzSimulator(options: JambonzSimulatorOptions): JambonzSimulator {
  const refused: RefusedMessage[] = [];
  const calls: SimulatedCall[] = [];
  const timers = new Timers();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // every call listens to it
  const exchange: Exchange = {
    media: options.media,
    timings: { ...measuredTimings, ...options.timings },
    timers,
    identities: new Identities(options.seed),
    rooms: new ConferenceRooms(),
    callerControls: options.callerControls ?? 'none',
    keepAudio: options.recordAudio ?? true,
    application: {
      url: options.applicationUrl,
      username: options.username,
      password: options.password,
      ca: options.ca,
    },
    closing: closing.signal,
    refuse: (message) => refused.push(message),
  };
  let closed: Promise<void> | undefined;
  return {
    media: options.media,
    refused,
    calls,
    placeCall: (callOptions) => {
      if (closing.signal.aborted) throw new Error('the simulator is closed');
      const call = new SimulatedCall(exchange, callOptions, options.agents ?? []);
      calls.push(call);
      void call.run();
      return call;
    },
    close: () => {
      closed ??= (async (): Promise<void> => {
        closing.abort();
        await Promise.all(calls.map((call) => call.destroy()));
        timers.close();
      })();
      return closed;
    },
  };
}
