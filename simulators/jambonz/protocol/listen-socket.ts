import { WebSocket } from 'ws';
import type { Fork, ForkOptions, MediaLeg } from '../media/contract.ts';
import { isObject, type JsonObject, textOf } from './json.ts';
import { PlaybackQueue } from './playback-queue.ts';
import type { Timers } from './timers.ts';
import type { Timings } from './timings.ts';

export interface ListenOptions {
  readonly url: string;
  readonly mixType: ForkOptions['mixType'];
  readonly sampleRate: number;
  readonly passDtmf: boolean;
  /** The application may stream audio back. */
  readonly bidirectional: boolean;
  readonly metadata: JsonObject;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export interface ListenSocketContext {
  readonly leg: MediaLeg;
  readonly ca: string | undefined;
  readonly timings: Timings;
  readonly timers: Timers;
  /** What jambonz says about the leg at the moment of opening. */
  callInfo(): JsonObject;
  log(direction: 'jambonz->app' | 'app->jambonz', message: JsonObject): void;
  /** The media was handed to the SBC: FreeSWITCH sees no keys. */
  mediaReleased(): boolean;
}

/** Reads the `listen` part of a `config`, or a nested listen. Undefined without a usable URL. */
export function listenOptions(
  data: JsonObject,
  base: { url: string; username: string | undefined; password: string | undefined },
): ListenOptions | undefined {
  const given = textOf(data['url']);
  if (given === undefined) return undefined;
  const relative = given.startsWith('/');
  const auth = isObject(data['wsAuth']) ? data['wsAuth'] : undefined;
  const mixType = data['mixType'];
  const bidirectional = isObject(data['bidirectionalAudio']) ? data['bidirectionalAudio'] : undefined;
  return {
    url: relative ? new URL(given, base.url).href : given,
    mixType: mixType === 'stereo' || mixType === 'mixed' ? mixType : 'mono',
    sampleRate: typeof data['sampleRate'] === 'number' ? data['sampleRate'] : 8000,
    passDtmf: data['passDtmf'] === true,
    bidirectional: bidirectional?.['enabled'] === true && data['disableBidirectionalAudio'] !== true,
    metadata: isObject(data['metadata']) ? data['metadata'] : {},
    username: textOf(auth?.['username']) ?? (relative ? base.username : undefined),
    password: textOf(auth?.['password']) ?? (relative ? base.password : undefined),
  };
}

function isKillAudio(text: string): boolean {
  try {
    const message: unknown = JSON.parse(text);
    return isObject(message) && message['type'] === 'killAudio';
  } catch {
    return false; // mod_audio_fork only logs what it cannot read
  }
}

/**
 * mod_audio_fork: a websocket with the audio and the keys of a leg. When it drops it is not opened again and the
 * application is told nothing.
 */
export class ListenSocket {
  readonly #options: ListenOptions;
  readonly #context: ListenSocketContext;
  readonly #playback: PlaybackQueue;
  #ws: WebSocket | undefined;
  #fork: Fork | undefined;
  #state: 'opening' | 'open' | 'stopping' | 'closed' = 'opening';
  #silentUntilMs = 0;
  #audioPaused = false;

  constructor(options: ListenOptions, context: ListenSocketContext) {
    this.#options = options;
    this.#context = context;
    this.#playback = new PlaybackQueue(context.leg);
    context.timers.after(context.timings.listenOpenMs, () => this.#open());
  }

  /** False once it was stopped, dropped or could not be opened: jambonz then starts another when told to. */
  get active(): boolean {
    return this.#state === 'opening' || this.#state === 'open';
  }

  /** A few frames still go out before the close with 1000. */
  async stop(): Promise<void> {
    if (!this.active) return;
    this.#state = 'stopping';
    await this.#context.timers.sleep(this.#context.timings.listenCloseMs);
    this.#end();
    this.#ws?.close(1000);
  }

  drop(): void {
    this.#ws?.terminate();
  }

  /** Stays open and says nothing; what would have been said is lost. */
  silence(durationMs: number): void {
    this.#silentUntilMs = performance.now() + durationMs;
  }

  /** `listen:status`: keys still come. */
  pauseAudio(paused: boolean): void {
    this.#audioPaused = paused;
  }

  async destroy(): Promise<void> {
    this.#end();
    const ws = this.#ws;
    if (ws === undefined || ws.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      ws.once('close', () => resolve());
      ws.terminate();
    });
  }

  #open(): void {
    if (this.#state !== 'opening') return;
    const { url, username, password } = this.#options;
    const { ca } = this.#context;
    let ws: WebSocket;
    try {
      ws = new WebSocket(url, ['audio.drachtio.org'], {
        perMessageDeflate: false,
        handshakeTimeout: this.#context.timings.handshakeMs,
        ...(username !== undefined && password !== undefined && { auth: `${username}:${password}` }),
        ...(ca !== undefined && { ca }),
      });
    } catch {
      this.#end(); // a URL that cannot be one
      return;
    }
    this.#ws = ws;
    ws.once('open', () => this.#onOpen(ws));
    ws.on('error', () => undefined); // `close` follows
    ws.once('close', (code) => {
      this.#end();
      this.#context.log('jambonz->app', { event: 'ws-close', code, url: new URL(url).pathname });
    });
    ws.on('message', (data: Buffer, isBinary) => this.#onMessage(data, isBinary));
  }

  #onOpen(ws: WebSocket): void {
    if (this.#state === 'closed') {
      ws.close(1000);
      return;
    }
    if (this.#state === 'opening') this.#state = 'open';
    const { mixType, sampleRate, metadata, passDtmf } = this.#options;
    this.#context.log('jambonz->app', {
      event: 'ws-open',
      url: new URL(this.#options.url).pathname,
      protocol: ws.protocol,
    });
    this.#sendText({ sampleRate, mixType, ...this.#context.callInfo(), ...metadata });
    this.#fork = this.#context.leg.fork({
      mixType,
      onAudio: (frame) => {
        if (!this.#silent && !this.#audioPaused)
          ws.send(this.#context.mediaReleased() ? Buffer.alloc(frame.length) : frame);
      },
      onKey: (key) => {
        if (!passDtmf || this.#silent || this.#context.mediaReleased()) return;
        this.#sendText({ event: 'dtmf', dtmf: key.dtmf, duration: key.duration });
      },
    });
  }

  get #silent(): boolean {
    return performance.now() < this.#silentUntilMs;
  }

  #sendText(message: JsonObject): void {
    this.#context.log('jambonz->app', message);
    this.#ws?.send(JSON.stringify(message));
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (!this.#options.bidirectional) return;
    if (isBinary) {
      this.#playback.push(data);
      return;
    }
    const text = data.toString('utf8');
    this.#context.log('app->jambonz', { text });
    if (isKillAudio(text)) this.#playback.flush();
  }

  #end(): void {
    this.#state = 'closed';
    this.#fork?.close();
    this.#fork = undefined;
    this.#playback.flush();
  }
}
