import type { OutboundLeg, OutboundResult, Phone } from '../media/contract.ts';
import { CallInfo } from './call-info.ts';
import { captureCodes } from './feature-codes.ts';
import { isObject, type JsonObject, numberOf, textOf } from './json.ts';
import { type ListenSocket, listenOptions } from './listen-socket.ts';
import type { DialInProgress, Session, Verb } from './session.ts';

const DEFAULT_TIMEOUT_S = 60;

/** One `dial`: the child leg from its INVITE to its end. */
export class DialAttempt implements DialInProgress {
  readonly #session: Session;
  readonly #verb: Verb;
  readonly #undo: (() => void)[] = [];
  readonly #agentGone = new AbortController();
  #info: CallInfo | undefined;
  #leg: OutboundLeg | undefined;
  #phone: Phone | undefined;
  #unbridge: () => void = () => undefined;
  nestedListen: ListenSocket | undefined;

  constructor(session: Session, verb: Verb) {
    this.#session = session;
    this.#verb = verb;
  }

  get info(): CallInfo {
    if (this.#info === undefined) throw new Error('nothing was dialled');
    return this.#info;
  }

  get leg(): OutboundLeg {
    if (this.#leg === undefined) throw new Error('nothing was dialled');
    return this.#leg;
  }

  /** Resolves with the `dial_…` fields of the action hook once the child leg is over. */
  async run(signal: AbortSignal): Promise<JsonObject> {
    const { timers, timings } = this.#session.exchange;
    await timers.sleep(timings.inviteMs, signal);
    if (signal.aborted) return {};
    this.#phone = this.#session.call.phoneOf(this.#number());
    if (this.#phone === undefined) {
      this.#begin(this.#session.exchange.identities.uuid());
      return this.#finish('failed', 404, 'Not Found');
    }
    const leg = await this.#invite(this.#phone);
    const result = await settled(leg, signal);
    if (result === 'busy') return this.#finish('busy', 486, 'Busy Here');
    if (result !== 'answered') {
      leg.cancel();
      return this.#finish('no-answer', 487, 'Request Terminated');
    }
    await this.#talk(leg, signal);
    this.info.complete();
    this.#session.sendStatus(this.info);
    return this.#results('completed', 200);
  }

  mediaPath(path: string): string | undefined {
    const session = this.#session;
    const { timers, timings, media } = session.exchange;
    if (path === 'partial-media') {
      session.mediaReleased = true;
      return undefined;
    }
    if (path !== 'full-media') return `media path ${path} is not simulated`;
    if (!session.mediaReleased) return undefined;
    this.#unbridge(); // nobody hears anything while both legs are re-invited
    timers.after(timings.anchorMediaMs, () => {
      session.mediaReleased = false;
      if (session.dial === this) this.#unbridge = media.bridge(session.leg, this.leg);
    });
    return undefined;
  }

  lost(): void {
    this.#agentGone.abort();
  }

  async replaceLeg(): Promise<void> {
    const { media } = this.#session.exchange;
    if (this.#phone === undefined) throw new Error('nothing was dialled');
    const old = this.leg;
    this.#leg = undefined; // the old leg's end is not the end of the dial
    this.#unbridge();
    old.hangUp();
    const leg = await this.#outbound(this.#phone, () => undefined);
    const { result } = await leg.final;
    if (result !== 'answered') throw new Error('the agent phone did not answer again');
    if (this.#session.dial !== this) {
      leg.hangUp();
      throw new Error('the dial ended meanwhile');
    }
    this.#leg = leg;
    this.#unbridge = media.bridge(this.#session.leg, leg);
    this.info.callId = leg.sipCallId;
    this.info.sbcCallid = leg.sbcCallId;
    this.#session.call.agentDialled(leg, this.info, this.#phone);
    this.#session.sendStatus(this.info);
  }

  async #invite(phone: Phone): Promise<OutboundLeg> {
    let rang = false;
    const leg = await this.#outbound(phone, () => {
      rang = true;
      if (this.#info !== undefined) this.#ringing();
    });
    this.#leg = leg;
    this.#begin(leg.sipCallId);
    if (rang) this.#ringing();
    this.#session.call.agentDialled(leg, this.info, phone);
    return leg;
  }

  #outbound(phone: Phone, ringing: () => void): Promise<OutboundLeg> {
    const timeoutMs = (numberOf(this.#verb['timeout']) ?? DEFAULT_TIMEOUT_S) * 1000;
    let leg: OutboundLeg | undefined;
    const made = this.#session.exchange.media.outbound(phone, {
      timeoutMs,
      ringing,
      onHangUp: () => {
        if (this.#leg === leg) this.#agentGone.abort();
      },
    });
    return made.then((outbound) => {
      leg = outbound;
      return outbound;
    });
  }

  #begin(callId: string): void {
    const { info, exchange } = this.#session;
    const callerId = textOf(this.#verb['callerId']) ?? info.identity.from;
    this.#info = new CallInfo({
      callSid: exchange.identities.uuid(),
      direction: 'outbound',
      from: callerId,
      to: this.#number(),
      callId,
      callerId,
      accountSid: exchange.identities.accountSid,
      applicationSid: exchange.identities.applicationSid,
      parentCallSid: info.callSid,
    });
    this.#session.sendStatus(this.#info);
  }

  #ringing(): void {
    this.info.sbcCallid = this.leg.sbcCallId;
    this.info.update('ringing', 180, 'Ringing');
    this.#session.sendStatus(this.info);
  }

  /** From the agent's answer until somebody ends it. */
  async #talk(leg: OutboundLeg, signal: AbortSignal): Promise<void> {
    const session = this.#session;
    this.info.sbcCallid = leg.sbcCallId;
    this.info.update('in-progress', 200, 'OK');
    session.sendStatus(this.info);
    await session.answer();
    this.#unbridge = session.exchange.media.bridge(session.leg, leg);
    session.dial = this;
    session.breakVoice = () => this.#unbridge();
    this.#captureCodes(leg);
    this.#startNestedListen(leg);
    this.#releaseMedia();
    session.call.connected();
    const over = AbortSignal.any([signal, this.#agentGone.signal]);
    if (!over.aborted) {
      await new Promise<void>((resolve) => {
        over.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    session.dial = undefined;
    session.breakVoice = undefined;
    session.mediaReleased = false;
    for (const undo of this.#undo) undo();
    this.#unbridge();
    if (this.#agentGone.signal.aborted) session.call.ended('agent');
    else this.#leg?.hangUp();
  }

  /** Without a reason to keep it, the media goes back to the SBC and FreeSWITCH sees no keys any more. */
  #releaseMedia(): void {
    const session = this.#session;
    const { timers, timings } = session.exchange;
    if (this.#verb['anchorMedia'] === true || this.nestedListen !== undefined) return;
    const cancel = timers.after(timings.releaseMediaMs, () => {
      if (!session.listening && session.recorder.state === 'off') session.mediaReleased = true;
    });
    this.#undo.push(cancel);
  }

  #captureCodes(leg: OutboundLeg): void {
    const { dtmfCapture, dtmfHook } = this.#verb;
    if (!isObject(dtmfCapture) || dtmfHook === undefined) return;
    const watch = (codes: unknown, of: 'child' | 'parent'): void => {
      const info = of === 'child' ? this.info : this.#session.info;
      const watched = of === 'child' ? leg : this.#session.leg;
      this.#undo.push(
        captureCodes(watched, codes, (code) => {
          void this.#session.hook(dtmfHook, { dtmf: code, ...info.snakeCase() }, { takeVerbs: false });
        }),
      );
    };
    watch(dtmfCapture['childCall'], 'child');
    watch(dtmfCapture['parentCall'], 'parent');
  }

  #startNestedListen(leg: OutboundLeg): void {
    const listen = this.#verb['listen'];
    if (!isObject(listen)) return;
    const options = listenOptions(listen, this.#session.exchange.application);
    if (options === undefined) return;
    const ofChild = listen['channel'] === 2;
    const socket = this.#session.openListen(
      options,
      ofChild ? leg : this.#session.leg,
      ofChild ? this.info : this.#session.info,
    );
    this.nestedListen = socket;
    this.#undo.push(() => {
      void socket.stop();
    });
  }

  #finish(status: 'busy' | 'no-answer' | 'failed', sipStatus: number, reason: string): JsonObject {
    this.info.update(status, sipStatus, reason);
    this.#session.sendStatus(this.info);
    return this.#results(status, sipStatus);
  }

  #results(status: string, sipStatus: number): JsonObject {
    return {
      dial_call_status: status,
      dial_sip_status: sipStatus,
      dial_call_sid: this.info.callSid,
      ...(this.info.sbcCallid !== undefined && { dial_sbc_callid: this.info.sbcCallid }),
    };
  }

  #number(): string {
    const targets: unknown = this.#verb['target'];
    const first: unknown = Array.isArray(targets) ? targets[0] : undefined;
    if (!isObject(first)) return '';
    return textOf(first['number']) ?? textOf(first['name']) ?? textOf(first['sipUri']) ?? '';
  }
}

/** The final answer of a dialled leg, or `aborted` when nobody waits for it any more. */
export async function settled(
  leg: OutboundLeg,
  signal: AbortSignal,
): Promise<OutboundResult['result'] | 'aborted'> {
  if (signal.aborted) return 'aborted';
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  return await Promise.race([leg.final.then(({ result }) => result), aborted]);
}
