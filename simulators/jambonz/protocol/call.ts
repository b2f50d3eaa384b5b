import type { KeyingOptions, OutboundLeg, Phone, PhoneOptions } from '../media/contract.ts';
import { CallInfo } from './call-info.ts';
import { CallSession } from './call-session.ts';
import { CallFaults } from './faults.ts';
import { hookUrl, isObject, type JsonObject, numberOf, textOf } from './json.ts';
import type { Recording } from './recorder.ts';
import type { CallContext, Exchange, Session } from './session.ts';
import { CARRIER_ADDRESS, CARRIER_NAME } from './session-new.ts';
import { Transcript, type TranscriptEntry } from './transcript.ts';

export interface CallOptions {
  readonly from: string;
  readonly to: string;
  readonly caller: PhoneOptions;
  /** The phone behind this number, for this call only. Other numbers are looked up in the directory. */
  readonly agent?: PhoneOptions;
  /** What `session:new` says about a recording that jambonz itself started. */
  readonly hasRecording?: boolean;
}

export type CallEnder = 'caller' | 'agent' | 'jambonz';

const DEFAULT_TIMEOUT_S = 60;

/** One call through the simulated jambonz: both phones, what was said to the application, and its faults. */
export class SimulatedCall implements CallContext {
  readonly exchange: Exchange;
  readonly transcript = new Transcript();
  readonly callSid: string;
  readonly caller: Phone;
  readonly faults: CallFaults;
  /** Resolves when caller and agent first hear each other; rejects when the call ends before. */
  readonly whenConnected: Promise<void>;
  /** Resolves once every leg is gone and its sessions are done. `by` is who ended the call first. */
  readonly whenEnded: Promise<{ readonly by: CallEnder }>;
  readonly #options: CallOptions;
  readonly #directory: readonly PhoneOptions[];
  readonly #phones = new Map<string, Phone>();
  readonly #sessions: CallSession[] = [];
  readonly #running: Promise<void>[] = [];
  #settleConnected: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #settleEnded: ((end: { by: CallEnder }) => void) | undefined;
  #agent: Phone | undefined;
  #agentLeg: OutboundLeg | undefined;
  #agentInfo: CallInfo | undefined;
  #callerFinal: number | undefined;
  #connected = false;
  #over = false;
  #endedBy: CallEnder | undefined;

  constructor(exchange: Exchange, options: CallOptions, directory: readonly PhoneOptions[]) {
    this.exchange = exchange;
    this.#options = options;
    this.#directory = directory;
    this.callSid = exchange.identities.uuid();
    this.caller = exchange.media.createPhone(options.caller);
    this.faults = new CallFaults(this);
    this.whenConnected = new Promise((resolve, reject) => {
      this.#settleConnected = { resolve, reject };
    });
    this.whenConnected.catch(() => undefined); // a test may not care
    this.whenEnded = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
  }

  /** The agent's phone; undefined until it is dialled. */
  get agent(): Phone | undefined {
    return this.#agent;
  }

  get agentLeg(): OutboundLeg | undefined {
    return this.#agentLeg;
  }

  /** rtpengine's name for the agent leg. */
  get agentCallId(): string | undefined {
    return this.#agentInfo?.callId;
  }

  get callerSession(): CallSession | undefined {
    return this.#sessions[0];
  }

  /** Of the last leg that the `dial` command made. */
  get agentSession(): CallSession | undefined {
    return this.#sessions.slice(1).at(-1);
  }

  get state(): 'ringing' | 'answered' | 'connected' | 'ended' {
    if (this.callerSession?.gone === true || this.#over) return 'ended';
    if (this.#connected) return 'connected';
    return this.#callerFinal === 200 ? 'answered' : 'ringing';
  }

  /** The final SIP status of the caller's INVITE; undefined while it is pending. */
  get callerFinal(): number | undefined {
    return this.#callerFinal;
  }

  get messages(): readonly TranscriptEntry[] {
    return this.transcript.entries;
  }

  /** What the call's recorder got, for both bridges: it records the caller's session. */
  get recordings(): readonly Recording[] {
    return this.callerSession?.recorder.recordings ?? [];
  }

  get recorderState(): 'off' | 'on' | 'paused' {
    return this.callerSession?.recorder.state ?? 'off';
  }

  /** The caller keys; resolves when the last key is up. */
  async key(digits: string, options: KeyingOptions): Promise<void> {
    await this.caller.key(digits, options);
  }

  hangUpCaller(): void {
    this.caller.hangUp();
  }

  hangUpAgent(): void {
    this.#agent?.hangUp();
  }

  /** Places the call and sees it to its end. Used by the simulator, once. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#runInbound();
      for (let done = 0; done < this.#running.length; done += 1) await this.#running[done];
    } catch (error) {
      this.#failed(error);
    }
    this.#finish();
  }

  async #runInbound(): Promise<void> {
    const { media, identities, application } = this.exchange;
    let hungUp = false;
    let session: CallSession | undefined;
    const leg = await media.inbound(this.caller, () => {
      hungUp = true;
      session?.peerHungUp();
    });
    const info = new CallInfo({
      callSid: this.callSid,
      direction: 'inbound',
      from: this.#options.from,
      to: this.#options.to,
      callId: leg.sipCallId,
      sbcCallid: leg.sbcCallId,
      accountSid: identities.accountSid,
      applicationSid: identities.applicationSid,
      originatingSipIp: CARRIER_ADDRESS,
      originatingSipTrunkName: CARRIER_NAME,
    });
    session = new CallSession({
      exchange: this.exchange,
      call: this,
      role: 'caller',
      info,
      leg,
      socket: application,
    });
    this.#sessions.push(session);
    if (hungUp) session.peerHungUp();
    await session.runInbound(this.#options.hasRecording === true);
  }

  phoneOf(number: string): Phone | undefined {
    const known = this.#phones.get(number);
    if (known !== undefined) return known;
    const { agent } = this.#options;
    const options = [...(agent === undefined ? [] : [agent]), ...this.#directory].find(
      (candidate) => candidate.number === number,
    );
    if (options === undefined) return undefined;
    const phone = this.exchange.media.createPhone(options);
    this.#phones.set(number, phone);
    return phone;
  }

  agentDialled(leg: OutboundLeg, info: CallInfo, phone: Phone): void {
    this.#agentLeg = leg;
    this.#agentInfo = info;
    this.#agent = phone;
  }

  connected(): void {
    this.#connected = true;
    this.#endedBy = undefined; // after a second dial
    this.#settleConnected?.resolve();
  }

  ended(by: CallEnder): void {
    this.#connected = false;
    this.#endedBy ??= by;
    this.#settleConnected?.reject(new Error(`the call was ended by ${by} before it was connected`));
  }

  callerGot(status: number): void {
    this.#callerFinal ??= status;
  }

  dialOut(data: JsonObject, session: Session): string | undefined {
    const { to } = data;
    const number = isObject(to) ? (textOf(to['number']) ?? textOf(to['name'])) : undefined;
    const callHook = hookUrl(data['call_hook']);
    if (number === undefined) return 'dial: to is missing or has no number';
    if (callHook === undefined) return 'dial: call_hook is missing';
    if (textOf(data['from']) === undefined) return 'dial: from is missing';
    const phone = this.phoneOf(number);
    if (phone === undefined) return `dial: no phone has the number ${number}`;
    this.#running.push(
      this.#runOutbound(data, session, phone).catch((error: unknown) => this.#failed(error)),
    );
    return undefined;
  }

  /** Ends everything at once. Used by the simulator when it closes. */
  async destroy(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.destroy()));
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.ended('jambonz');
    this.#settleEnded?.({ by: this.#endedBy ?? 'jambonz' });
  }

  #failed(error: unknown): void {
    const reason = error instanceof Error ? error.message : 'the media failed';
    this.exchange.refuse({ callSid: this.callSid, reason, content: undefined });
  }

  async #runOutbound(data: JsonObject, dialler: Session, phone: Phone): Promise<void> {
    const { media, timers, timings, identities, application } = this.exchange;
    await timers.sleep(timings.inviteMs);
    let rang: () => void = () => undefined;
    const ringing = new Promise<void>((resolve) => {
      rang = resolve;
    });
    let session: CallSession | undefined;
    const leg = await media.outbound(phone, {
      timeoutMs: (numberOf(data['timeout']) ?? DEFAULT_TIMEOUT_S) * 1000,
      ringing: () => rang(),
      onHangUp: () => session?.peerHungUp(),
    });
    const info = new CallInfo({
      callSid: identities.uuid(),
      direction: 'outbound',
      from: textOf(data['from']) ?? dialler.info.identity.to,
      to: phone.number,
      callId: leg.sipCallId,
      accountSid: identities.accountSid,
      ...(isObject(data['tag']) && { customerData: data['tag'] }),
    });
    const callHook = resolveHook(data['call_hook'], application.url);
    const statusHook = resolveHook(data['call_status_hook'], application.url);
    session = new CallSession({
      exchange: this.exchange,
      call: this,
      role: 'agent',
      info,
      leg,
      socket: callHook,
      ...(/^https?:/.test(statusHook.url) && { statusHook }),
    });
    this.#sessions.push(session);
    this.agentDialled(leg, info, phone);
    await session.runOutbound(leg, ringing);
  }
}

interface ResolvedHook {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/**
 * A path is resolved against the application's host root. jambonz authenticates itself to these hooks only with
 * credentials that the hook itself carries.
 */
function resolveHook(hook: unknown, applicationUrl: string): ResolvedHook {
  const url = hookUrl(hook) ?? '';
  return {
    url: url.startsWith('/') ? new URL(url, applicationUrl).href : url,
    username: isObject(hook) ? textOf(hook['username']) : undefined,
    password: isObject(hook) ? textOf(hook['password']) : undefined,
  };
}
