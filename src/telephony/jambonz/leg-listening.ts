import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Hearing, HearingSink } from '../masking/hearing.ts';
import type { ControlLink } from './control-link.ts';
import { LARGEST_LISTEN_TEXT_BYTES, readKeyFrame, takeSamples } from './listen-frame.ts';
import type { ListenPaths } from './listen-paths.ts';

/** Frames come every 20 ms; 400 ms without one is a fork that died without closing (a feature server that went away). */
const STALLED_AFTER_MS = 400;
/** The first audio comes 53 to 68 ms after the command; after this the command is taken as lost. */
const FIRST_AUDIO_WITHIN_MS = 1000;
/** Switching off takes jambonz 45 to 50 ms; a switch-on that overtakes it would be undone by it. */
const OFF_SETTLES_MS = 100;
const LONGEST_BACKOFF_MS = 4000;
/** How long `close` waits for jambonz to close the socket before it is torn down from here. */
const CLOSE_WITHIN_MS = 500;
/** 20 ms; one frame of mod_audio_fork. Coalesced frames are delivered in pieces of this size. */
const FRAME_SAMPLES = 160;

export interface ListeningLeg {
  readonly control: ControlLink;
  readonly callSid: string;
  /** `mono`: the leg's own audio. `stereo`: what the leg is given, from the second channel. */
  readonly mix: 'mono' | 'stereo';
}

export interface ListeningServices {
  readonly paths: ListenPaths;
  readonly clock: Clock;
  /** Where jambonz opens listen sockets, without a trailing slash. */
  readonly listenUrl: () => string;
  readonly wsAuth: () => { readonly username: string; readonly password: string };
  /** A frame that was no listen frame, or a socket that was another call's. */
  refused(reason: string): void;
}

/**
 * A background `listen` on one leg. A socket that jambonz loses is not reopened by it and raises no event there, so
 * this side watches the socket and the flow of audio and switches listening on again, each time at a fresh path.
 */
export class LegListening implements Hearing {
  readonly #leg: ListeningLeg;
  readonly #services: ListeningServices;
  readonly #sink: HearingSink;
  readonly #samples = new Int16Array(FRAME_SAMPLES);
  readonly #stopWatchingControl: () => void;
  #wanted = false;
  #flowing = false;
  #wasLost = false;
  #switchedOn = false;
  #socket: WebSocket | undefined;
  #token: string | undefined;
  #lastAudioMs = 0;
  #backoffMs = 0;
  #timer: Timer | undefined;
  #opened: PromiseWithResolvers<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(leg: ListeningLeg, sink: HearingSink, services: ListeningServices) {
    this.#leg = leg;
    this.#sink = sink;
    this.#services = services;
    this.#stopWatchingControl = leg.control.onChange((up) => {
      if (up && this.#wanted && !this.#flowing) this.#switchOn();
    });
  }

  open(): Promise<void> {
    if (this.#opened === undefined) {
      this.#wanted = true;
      this.#opened = withResolvers();
      this.#opened.promise.catch(() => {}); // a close before the first audio rejects it; not everyone waits
      this.#switchOn();
    }
    return this.#opened.promise;
  }

  close(): Promise<void> {
    this.#closed ??= this.#shut();
    return this.#closed;
  }

  async #shut(): Promise<void> {
    this.#wanted = false;
    this.#stopWatchingControl();
    this.#timer?.cancel();
    this.#opened?.reject(new HushtoneError('not_heard', 'unavailable', 'listening ended before any audio'));
    if (this.#token !== undefined) this.#services.paths.revoke(this.#token);
    this.#switchOff();
    const socket = this.#socket;
    if (socket !== undefined && socket.readyState !== socket.CLOSED) {
      await new Promise<void>((resolve) => {
        const giveUp = this.#services.clock.after(CLOSE_WITHIN_MS, () => socket.terminate());
        socket.once('close', () => {
          giveUp.cancel();
          resolve();
        });
        if (!this.#leg.control.isUp) socket.terminate();
      });
    }
    this.#samples.fill(0);
  }

  #switchOn(): void {
    this.#timer?.cancel();
    if (!this.#wanted || !this.#leg.control.isUp) return; // the link's return switches on
    if (this.#switchedOn) {
      this.#switchOff();
      this.#timer = this.#services.clock.after(OFF_SETTLES_MS, () => this.#switchOn());
      return;
    }
    const token = this.#services.paths.issue((socket) => this.#accept(socket));
    this.#token = token;
    this.#command({
      enable: true,
      url: `${this.#services.listenUrl()}/listen/${token}`,
      wsAuth: this.#services.wsAuth(),
      passDtmf: true,
      mixType: this.#leg.mix,
      sampleRate: 8000,
      disableBidirectionalAudio: true,
    });
    this.#switchedOn = true;
    this.#backoffMs = Math.min(Math.max(this.#backoffMs * 2, FIRST_AUDIO_WITHIN_MS), LONGEST_BACKOFF_MS);
    this.#timer = this.#services.clock.after(this.#backoffMs, () => this.#again());
  }

  /** No audio in time: whatever half-open state there is goes first. */
  #again(): void {
    if (this.#token !== undefined) this.#services.paths.revoke(this.#token);
    this.#dropSocket();
    this.#switchOn();
  }

  #switchOff(): void {
    if (!this.#switchedOn) return;
    this.#switchedOn = false;
    this.#command({ enable: false });
  }

  #command(listen: Readonly<Record<string, unknown>>): void {
    try {
      this.#leg.control.send('config', { listen });
    } catch {
      // The link went down under it: its return switches on again.
    }
  }

  #accept(socket: WebSocket): void {
    if (!this.#wanted) {
      socket.terminate();
      return;
    }
    this.#dropSocket();
    this.#socket = socket;
    let known = false;
    socket.on('error', () => {}); // the close that follows is what counts
    socket.on('message', (data, isBinary) => {
      const frame = data as Buffer;
      if (this.#socket !== socket) {
        frame.fill(0); // of a socket that was given up: it may hold a key all the same
        return;
      }
      if (!known) {
        // The first frame is the metadata of the leg; nothing of another leg, and nothing before it, is taken in.
        known = !isBinary && frame.includes(this.#leg.callSid);
        frame.fill(0);
        if (!known) this.#stranger(socket);
      } else if (isBinary) this.#audio(frame);
      else this.#text(frame, socket);
    });
    socket.on('close', () => this.#socketClosed(socket));
  }

  #stranger(socket: WebSocket): void {
    this.#services.refused('listen_of_another_leg');
    socket.close(1008);
  }

  #text(frame: Buffer, socket: WebSocket): void {
    if (frame.length > LARGEST_LISTEN_TEXT_BYTES) {
      frame.fill(0);
      this.#services.refused('listen_text_too_large');
      socket.close(1007);
      return;
    }
    const press = readKeyFrame(frame);
    frame.fill(0);
    if (press === undefined) this.#services.refused('listen_text_unknown');
    else if (this.#wanted) this.#sink.key(press.key, press.pressMs);
  }

  #audio(frame: Buffer): void {
    const { clock } = this.#services;
    this.#lastAudioMs = clock.monotonicMs();
    if (!this.#flowing && this.#wanted) this.#flows();
    const channels = this.#leg.mix === 'stereo' ? 2 : 1;
    for (let at = 0; at + channels * 2 <= frame.length; at += FRAME_SAMPLES * channels * 2) {
      const count = takeSamples(frame, at, channels, this.#samples);
      if (this.#wanted) {
        this.#sink.audio(count === FRAME_SAMPLES ? this.#samples : this.#samples.subarray(0, count));
      }
    }
    this.#samples.fill(0);
  }

  #flows(): void {
    this.#flowing = true;
    this.#backoffMs = 0;
    this.#watchFlow(STALLED_AFTER_MS);
    this.#opened?.resolve();
    if (this.#wasLost) {
      this.#wasLost = false;
      this.#sink.back();
    }
  }

  /** One timer for the socket, set again only when it fires: nothing is scheduled for a frame. */
  #watchFlow(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#services.clock.after(delayMs, () => {
      const silentMs = this.#services.clock.monotonicMs() - this.#lastAudioMs;
      if (silentMs >= STALLED_AFTER_MS) this.#lose();
      else this.#watchFlow(STALLED_AFTER_MS - silentMs);
    });
  }

  #socketClosed(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#switchedOn = false; // jambonz's side ended with the socket
    if (this.#flowing) this.#lose();
  }

  #lose(): void {
    this.#flowing = false;
    this.#wasLost = true;
    this.#dropSocket();
    if (!this.#wanted) return;
    this.#sink.lost();
    this.#switchOn();
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** `Promise.withResolvers` came with Node 22. */
function withResolvers(): PromiseWithResolvers<void> {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
