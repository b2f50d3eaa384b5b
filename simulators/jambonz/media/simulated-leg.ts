import type {
  ConferenceMember,
  ConferenceOptions,
  Fork,
  ForkOptions,
  OutboundLeg,
  OutboundResult,
} from './contract.ts';
import type { FreeswitchLeg } from './freeswitch/freeswitch-leg.ts';
import type { Freeswitch } from './freeswitch/freeswitch.ts';
import type { Carrier } from './leg-transport.ts';
import type { SimulatedPhone } from '../../phones/phone.ts';

export interface SimulatedLegParts {
  readonly sipCallId: string;
  readonly sbcCallId: string;
  readonly fromTag: string;
  readonly phone: SimulatedPhone;
  readonly carrier: Carrier;
  readonly freeswitch: Freeswitch;
  readonly onHangUp: () => void;
  /** Told once, when the leg is over for whatever reason; `released` settles when the carrier is closed. */
  readonly onEnd: (released: Promise<void>) => void;
}

type State = 'early' | 'answering' | 'up' | 'ended';

/** A call leg: a phone, its way to FreeSWITCH, and FreeSWITCH's end of it. */
export class SimulatedLeg implements OutboundLeg {
  readonly sipCallId: string;
  readonly sbcCallId: string;
  readonly fromTag: string;
  readonly final: Promise<OutboundResult>;
  readonly channel: FreeswitchLeg;
  readonly #parts: SimulatedLegParts;
  #state: State = 'early';
  #settleFinal: (result: OutboundResult) => void = () => undefined;

  constructor(parts: SimulatedLegParts) {
    this.#parts = parts;
    this.sipCallId = parts.sipCallId;
    this.sbcCallId = parts.sbcCallId;
    this.fromTag = parts.fromTag;
    this.channel = parts.freeswitch.createLeg(parts.carrier.freeswitchEnd);
    this.final = new Promise((resolve) => {
      this.#settleFinal = resolve;
    });
    parts.phone.seize({
      hungUp: () => this.#phoneHungUp(),
      info: (event, durationMs) => {
        if (this.#state === 'up') this.channel.info(event, durationMs);
      },
    });
  }

  get sdp(): string {
    return this.#parts.carrier.sdp;
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  async answer(): Promise<void> {
    if (this.#state !== 'early') return;
    this.#state = 'answering';
    await this.#unlessEnded(this.#parts.carrier.answer());
    if (this.ended) return; // hung up in the meantime
    this.#state = 'up';
    this.#parts.phone.connect(this.#parts.carrier.phoneEnd);
    this.#settleFinal({ result: 'answered' });
  }

  hangUp(): void {
    this.end({ result: 'no_answer' });
  }

  cancel(): void {
    if (this.#state === 'early' || this.#state === 'answering') this.end({ result: 'no_answer' });
  }

  /** Idempotent. */
  end(result: OutboundResult): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    const { phone, carrier, freeswitch, onEnd } = this.#parts;
    phone.release();
    freeswitch.removeLeg(this.channel);
    onEnd(carrier.close());
    this.#settleFinal(result);
  }

  fork(options: ForkOptions): Fork {
    return this.channel.fork(options);
  }

  async play(samples: Int16Array): Promise<void> {
    await this.channel.play(samples);
  }

  joinConference(name: string, options: ConferenceOptions): ConferenceMember {
    return this.#parts.freeswitch.joinConference(this.channel, name, options);
  }

  async renegotiate(): Promise<void> {
    if (this.#state !== 'up') throw new Error('only an answered leg can be re-negotiated');
    await this.#unlessEnded(this.#parts.carrier.renegotiate());
  }

  /** What fails because the leg was hung up under it has not failed. */
  async #unlessEnded(signalling: Promise<void>): Promise<void> {
    try {
      await signalling;
    } catch (error) {
      if (!this.ended) throw error;
    }
  }

  #phoneHungUp(): void {
    if (this.#state === 'ended') return;
    this.end({ result: 'busy' });
    this.#parts.onHangUp();
  }
}
