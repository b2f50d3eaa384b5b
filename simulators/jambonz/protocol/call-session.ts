import type { MediaLeg, OutboundLeg } from '../media/contract.ts';
import { AppSocket, type Command } from './app-socket.ts';
import type { CallInfo } from './call-info.ts';
import { runCommand } from './commands/index.ts';
import type { ConferenceSeat } from './conference-room.ts';
import { settled } from './dial-attempt.ts';
import { type HttpHook, postHook } from './http-hook.ts';
import { hookUrl, type JsonObject } from './json.ts';
import { type ListenOptions, listenOptions, ListenSocket } from './listen-socket.ts';
import { Recorder } from './recorder.ts';
import type { CallContext, DialInProgress, Exchange, HookOptions, Session } from './session.ts';
import { inboundSessionNew, outboundSessionNew } from './session-new.ts';
import { VerbRunner } from './verb-runner.ts';

export interface CallSessionOptions {
  readonly exchange: Exchange;
  readonly call: CallContext;
  readonly role: 'caller' | 'agent';
  readonly info: CallInfo;
  readonly leg: MediaLeg;
  readonly socket: { url: string; username: string | undefined; password: string | undefined };
  /** Where `call:status` goes when not to the socket. */
  readonly statusHook?: HttpHook;
}

/** A leg under the application's control: its socket, its verbs one after the other, its end. */
export class CallSession implements Session {
  readonly exchange: Exchange;
  readonly call: CallContext;
  readonly info: CallInfo;
  readonly leg: MediaLeg;
  readonly recorder: Recorder;
  readonly socket: AppSocket;
  dial: DialInProgress | undefined;
  seat: ConferenceSeat | undefined;
  mediaReleased = false;
  breakVoice: (() => void) | undefined;
  /** Fault: the next command (`true`), or the next of this name, is refused. */
  refuseNext: boolean | string = false;
  readonly #options: CallSessionOptions;
  readonly #listens = new Set<ListenSocket>();
  #listen: ListenSocket | undefined;
  readonly #verbs = new VerbRunner();
  /** Aborted when a leg is given up before its answer. */
  readonly #unanswered = new AbortController();
  #answered = false;
  #gone = false;
  #hasMedia = false;
  /** An inbound call's statuses start once `session:new` was acked. */
  #tellsStatus = false;
  #lastStatus: Promise<unknown> = Promise.resolve();

  constructor(options: CallSessionOptions) {
    const { exchange, call, role, info, leg } = options;
    this.#options = options;
    this.exchange = exchange;
    this.call = call;
    this.info = info;
    this.leg = leg;
    this.recorder = new Recorder(exchange.timers, exchange.timings, exchange.keepAudio);
    this.socket = new AppSocket({
      ...options.socket,
      ca: exchange.application.ca,
      timings: exchange.timings,
      timers: exchange.timers,
      identities: exchange.identities,
      log: (direction, message) => call.transcript.add(direction, role, info.callSid, message),
      onCommand: (command) => this.#onCommand(command),
      onUnreadable: (reason, content) => exchange.refuse({ callSid: info.callSid, reason, content }),
      onReconnectRefused: () => this.hangUp(),
    });
  }

  get answered(): boolean {
    return this.#answered;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get listening(): boolean {
    return this.#listen?.active === true;
  }

  get listenSockets(): readonly ListenSocket[] {
    return [...this.#listens];
  }

  /** The whole life of a call that came in. Never rejects. */
  async runInbound(hasRecording: boolean): Promise<void> {
    const { identities } = this.exchange;
    let list: unknown;
    try {
      const data = inboundSessionNew(this.info, this.leg, identities, hasRecording);
      list = await this.socket.request('session:new', data);
      if (!Array.isArray(list) || list.length === 0) throw new Error('no application provided');
    } catch {
      if (!this.#gone) this.#end('jambonz', 480);
      this.leg.hangUp();
      await this.socket.close(1001);
      return;
    }
    this.#tellsStatus = true;
    this.sendStatus(this.info); // `trying`, or that the caller has given up meanwhile
    this.#take(list);
    await this.#runVerbs();
    await this.#cleanUp();
  }

  /** The whole life of a leg made by the `dial` command. A leg that is busy or not answered keeps its socket open. */
  async runOutbound(leg: OutboundLeg, rang: Promise<void>): Promise<void> {
    this.#tellsStatus = true;
    this.sendStatus(this.info);
    void this.#announceRinging(leg, rang);
    const result = await settled(leg, this.#unanswered.signal);
    if (result === 'aborted') {
      leg.cancel();
      await this.#cleanUp();
      return;
    }
    if (result !== 'answered') {
      this.#gone = true;
      if (result === 'busy') this.info.update('busy', 486, 'Busy Here');
      else this.info.update('no-answer', 487, 'Request Terminated');
      this.sendStatus(this.info);
      return;
    }
    this.#answered = true;
    this.#hasMedia = true;
    this.info.sbcCallid = leg.sbcCallId;
    this.info.update('in-progress', 200, 'OK');
    this.sendStatus(this.info);
    try {
      this.#take(await this.socket.request('session:new', outboundSessionNew(this.info), { b3: true }));
      await this.#runVerbs();
    } catch {
      this.hangUp(); // `session:new` was not acked
    }
    await this.#cleanUp();
  }

  async #announceRinging(leg: OutboundLeg, rang: Promise<void>): Promise<void> {
    await rang;
    if (this.info.status !== 'trying') return;
    this.info.sbcCallid = leg.sbcCallId;
    this.info.update('ringing', 180); // the reason stays `Trying`
    this.sendStatus(this.info);
  }

  async needMedia(early: boolean): Promise<void> {
    this.#hasMedia = true;
    if (!early) await this.answer();
  }

  async answer(): Promise<void> {
    if (this.#answered || this.#gone) return;
    this.#hasMedia = true;
    await this.leg.answer();
    if (this.#gone) return;
    this.#answered = true;
    this.call.callerGot(200);
    this.info.update('in-progress', 200, 'OK');
    this.sendStatus(this.info);
  }

  hangUp(): void {
    if (!this.#gone) this.#end('jambonz', 480);
  }

  giveUp(): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#options.role === 'agent') {
      this.info.update('no-answer', 487, 'Request Terminated');
      this.sendStatus(this.info);
    } else {
      this.call.callerGot(503);
      this.leg.hangUp();
      this.call.ended('jambonz');
    }
    this.#stop();
  }

  decline(status: number, reason: string | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.call.callerGot(status);
    this.info.update('failed', status, reason);
    this.sendStatus(this.info);
    this.leg.hangUp();
    this.call.ended('jambonz');
    this.#stop();
  }

  /** The phone hung up, or its leg was lost. */
  peerHungUp(): void {
    if (!this.#gone) this.#end(this.#options.role, 487);
  }

  async hook(hook: unknown, data: JsonObject, options: HookOptions = {}): Promise<void> {
    const { type = 'verb:hook', takeVerbs = true, b3 = 'beside' } = options;
    const url = hookUrl(hook);
    if (url === undefined) return;
    try {
      const list = /^https?:/.test(url)
        ? await this.#post({ url }, data)
        : await this.socket.request(type, data, { hook: url, b3: b3 === 'beside' });
      if (!takeVerbs || !Array.isArray(list) || list.length === 0) return;
      const refusal = this.replaceVerbs(list);
      if (refusal !== undefined) this.#refuse(refusal, list);
    } catch {
      // jambonz logs it and goes on with the verbs that it has
    }
  }

  sendStatus(info: CallInfo): void {
    if (!this.#tellsStatus) return;
    const data = info.snakeCase();
    const { statusHook } = this.#options;
    if (statusHook === undefined) {
      this.socket.notify('call:status', data);
      return;
    }
    this.#lastStatus = this.#lastStatus.then(() => this.#post(statusHook, data)).catch(() => undefined);
  }

  replaceVerbs(list: unknown): string | undefined {
    const refusal = this.#verbs.set(list);
    if (refusal === undefined) this.#verbs.abort('replaced');
    return refusal;
  }

  appendVerbs(list: unknown): string | undefined {
    return this.#verbs.append(list);
  }

  listen(data: JsonObject): string | undefined {
    if (data['enable'] !== true) {
      void this.#listen?.stop();
      return undefined;
    }
    if (this.listening) return 'listen is already running';
    const options = listenOptions(data, this.#options.socket);
    if (options === undefined) return 'listen needs a url';
    if (this.mediaReleased) this.breakVoice?.();
    this.#listen = this.openListen(options, this.leg, this.info);
    return undefined;
  }

  openListen(options: ListenOptions, leg: MediaLeg, info: CallInfo): ListenSocket {
    const socket = new ListenSocket(options, {
      leg,
      ca: this.exchange.application.ca,
      timings: this.exchange.timings,
      timers: this.exchange.timers,
      callInfo: () => info.camelCase(),
      log: (direction, message) => this.call.transcript.add(direction, 'listen', info.callSid, message),
      mediaReleased: () => this.mediaReleased,
    });
    this.#listens.add(socket);
    return socket;
  }

  record(options: JsonObject): string | undefined {
    return this.recorder.obey(options, this.leg);
  }

  /** Ends everything at once, with no message to anybody. */
  async destroy(): Promise<void> {
    this.#gone = true;
    this.#stop();
    this.recorder.end();
    this.leg.hangUp();
    await Promise.all([this.socket.destroy(), ...this.listenSockets.map((listen) => listen.destroy())]);
  }

  #onCommand({ command, data, queue }: Command): void {
    const refused = this.refuseNext === true || this.refuseNext === command;
    if (refused) this.refuseNext = false;
    const refusal = refused ? 'refused on demand' : runCommand(this, command, data, queue);
    if (refusal !== undefined) this.#refuse(refusal, { command, data });
  }

  #refuse(reason: string, content: unknown): void {
    this.exchange.refuse({ callSid: this.info.callSid, reason, content });
  }

  /** The first verbs. An invalid list is dropped as a whole, and the call just goes on. */
  #take(list: unknown): void {
    if (list === undefined) return;
    const refusal = this.#verbs.set(list);
    if (refusal !== undefined) this.#refuse(refusal, list);
  }

  #runVerbs(): Promise<void> {
    return this.#verbs.run(this, (verb, failure) => {
      if (failure !== undefined) {
        this.#refuse(failure instanceof Error ? failure.message : 'the verb failed', verb);
      }
      // With the last verb done and the application gone for good, nobody could go on with the call.
      if (this.#verbs.empty && this.socket.closedByApplication) this.hangUp();
    });
  }

  #end(by: 'caller' | 'agent' | 'jambonz', unansweredStatus: number): void {
    this.#gone = true;
    const peer = by !== 'jambonz';
    if (this.#answered) this.info.complete(peer ? 'caller' : 'jambonz');
    else if (peer) {
      this.info.update('no-answer', 487, 'Request Terminated');
      this.info.terminatedBy = 'caller';
    }
    if (this.#answered || peer) this.sendStatus(this.info);
    if (!this.#answered) this.call.callerGot(unansweredStatus);
    if (!peer) this.leg.hangUp();
    this.call.ended(by);
    this.#stop();
  }

  #stop(): void {
    this.#unanswered.abort();
    this.#verbs.stop();
  }

  async #cleanUp(): Promise<void> {
    const { timers, timings } = this.exchange;
    await Promise.all([
      timers.sleep(this.#hasMedia ? timings.clearMediaMs : timings.clearMs),
      ...this.listenSockets.map((listen) => listen.stop()),
      this.#lastStatus,
    ]);
    this.recorder.end();
    await this.socket.close();
  }

  async #post(hook: HttpHook, data: JsonObject): Promise<unknown> {
    const { transcript } = this.call;
    transcript.add('jambonz->app', 'http', this.info.callSid, {
      url: new URL(hook.url).pathname,
      body: data,
    });
    return await postHook(hook, data, this.exchange.application.ca, this.exchange.closing);
  }
}
