import { silentLogger } from '../../../../src/kernel/logger.ts';
import { HushtoneError } from '../../../../src/kernel/errors.ts';
import type {
  Bridge,
  GuardPolicy,
  LockRecord,
  Mask,
  MaskConfirmation,
  Transport,
} from '../../../../src/telephony/contract.ts';
import type {
  CallToMask,
  Ears,
  MaskedCallWatcher,
  MaskingMeans,
  Sentinel,
} from '../../../../src/telephony/masking/call-to-mask.ts';
import type { Hearing, HearingSink } from '../../../../src/telephony/masking/hearing.ts';
import { MaskingSession, secureCall } from '../../../../src/telephony/masking/masking-session.ts';
import { ManualClock } from '../rtpengine/manual-clock.ts';

const FRAME = 160;
const FRAME_MS = 20;
/** A digit's frame comes this long after the key is up. */
export const EVENT_LATENCY_MS = 70;

/** Everything that happened to the call, in order: what was asked of it and what it told. */
export class MaskedWorld implements CallToMask {
  readonly callId = 'call_1';
  readonly bridge: Bridge;
  readonly clock = new ManualClock();
  readonly did: string[] = [];
  readonly told: string[] = [];
  readonly locks: (LockRecord | undefined)[] = [];
  readonly laterOpened: Mask[] = [];
  recording: string | undefined;
  shown: Transport = 'unknown';
  /** What the next operations of this name reject with. */
  readonly failing = new Map<string, Error>();
  /** Operations that never end. */
  readonly hanging = new Set<string>();
  /** Operations that end when they are told to. */
  readonly #heldBack = new Map<string, Promise<void>>();
  /** Makes the call have a sentinel, by which the agent leg is heard. */
  sentinel: { readonly required: boolean; failing?: Error } | undefined;
  ears: Ears | undefined;
  sink: HearingSink | undefined;
  watcher: MaskedCallWatcher | undefined;
  sentinelWatch: { lost(): void; back(): void } | undefined;
  lockSavingFails = false;
  audible = true;

  constructor(bridge: Bridge = 'dial') {
    this.bridge = bridge;
  }

  means(ears: Ears): MaskingMeans {
    this.ears = ears;
    const mask: Mask = {
      close: () => this.operation('close'),
      openGuard: () => this.operation('openGuard'),
      closeGuard: () => this.operation('closeGuard'),
      open: () => this.operation('open'),
      verify: () => this.operation('verify'),
      reassert: () => this.operation('reassert'),
      record: async (captureId) => {
        await this.operation('record');
        return { captureId, bridge: this.bridge, agentLegCallId: 'agent-leg', tag: 'tag' };
      },
    };
    if (this.sentinel === undefined) return { mask };
    const { required, failing } = this.sentinel;
    const sentinel: Sentinel = {
      required,
      start: async (_lock, watch) => {
        this.sentinelWatch = watch;
        await Promise.resolve();
        if (failing !== undefined) throw failing;
      },
      stop: async () => {
        this.did.push('sentinel off');
        await Promise.resolve();
      },
    };
    return { mask, sentinel };
  }

  listen(sink: HearingSink): Hearing {
    this.sink = sink;
    return {
      open: () => (this.audible ? Promise.resolve() : new Promise(() => {})),
      close: async () => {
        this.did.push('listening off');
        await Promise.resolve();
      },
    };
  }

  stopRecording(): string | undefined {
    if (this.recording !== undefined) this.did.push('recording off');
    return this.recording;
  }

  startRecording(): string | undefined {
    if (this.recording !== undefined) this.did.push('recording on');
    return this.recording;
  }

  transport(): Transport {
    return this.shown;
  }

  learn(transport: Transport): void {
    this.shown = transport;
  }

  async saveLock(lock: LockRecord | undefined): Promise<void> {
    await Promise.resolve();
    if (this.lockSavingFails) throw new Error('no database');
    this.did.push(lock === undefined ? 'lock cleared' : 'lock written');
    this.locks.push(lock);
  }

  openLater(mask: Mask): void {
    this.laterOpened.push(mask);
  }

  watch(watcher: MaskedCallWatcher): () => void {
    this.watcher = watcher;
    return () => (this.watcher = undefined);
  }

  async operation(name: string): Promise<MaskConfirmation> {
    this.did.push(name);
    await Promise.resolve();
    if (this.hanging.has(name)) await new Promise(() => {});
    const heldBack = this.#heldBack.get(name);
    if (heldBack !== undefined) await heldBack;
    const failure = this.failing.get(name);
    if (failure !== undefined) throw failure;
    return { detail: `${name} ok` };
  }

  /** Operations of this name wait from now on until the returned function is called. */
  holdBack(name: string): () => void {
    let goOn = (): void => {};
    this.#heldBack.set(name, new Promise<void>((resolve) => (goOn = resolve)));
    return () => goOn();
  }

  async secure(guardPolicy: GuardPolicy = 'until_proven', confirmWithinMs = 1000): Promise<MaskingSession> {
    const securing = this.start(guardPolicy, confirmWithinMs);
    await this.clock.advance(0);
    await this.clock.advance(150);
    return securing;
  }

  start(guardPolicy: GuardPolicy = 'until_proven', confirmWithinMs = 1000): Promise<MaskingSession> {
    const listener = {
      key: (key: number) => void this.told.push(`key ${key}`),
      interrupted: (reason: string) => void this.told.push(`interrupted ${reason}`),
      restored: () => void this.told.push('restored'),
      failed: (failure: string) => void this.told.push(`failed ${failure}`),
      callEnded: (end: string) => void this.told.push(`ended ${end}`),
    };
    const options = { captureId: 'cap_1', guardPolicy, confirmWithinMs };
    return secureCall(this, options, listener, { clock: this.clock, logger: silentLogger });
  }

  /** The caller is heard in real time, frame by frame. */
  async hear(samples: Int16Array): Promise<void> {
    for (let at = 0; at < samples.length; at += FRAME) {
      await this.clock.advance(FRAME_MS);
      const frame = new Int16Array(FRAME);
      frame.set(samples.subarray(at, at + FRAME));
      this.sink?.audio(frame);
    }
    await this.clock.advance(0);
  }

  /** All of it in this moment, as after a stall. */
  hearAtOnce(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += FRAME) this.sink?.audio(samples.slice(at, at + FRAME));
  }

  async quiet(milliseconds: number): Promise<void> {
    await this.hear(new Int16Array(milliseconds * 8));
  }

  /** A key press as events: no tone in the audio while it lasts, and its frame after it. */
  async pressByEvent(key: number, pressMs = 100): Promise<void> {
    await this.quiet(pressMs + EVENT_LATENCY_MS);
    this.sink?.key(key, pressMs);
    await this.clock.advance(0);
  }

  /** What the agent is given, frame by frame. */
  async agentHears(samples: Int16Array): Promise<void> {
    for (let at = 0; at < samples.length; at += FRAME) {
      await this.clock.advance(FRAME_MS);
      this.ears?.agent.push(samples.slice(at, at + FRAME));
    }
    await this.clock.advance(0);
  }
}

export const unreachable = (): HushtoneError =>
  new HushtoneError('rtpengine_unreachable', 'unavailable', 'no answer');

export const lost = (): HushtoneError => new HushtoneError('masking_lost', 'unavailable', 'unknown call');
