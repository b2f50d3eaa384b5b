import { SBC_INTERNAL_ADDRESS } from './addresses.ts';
import type { Media } from './contract.ts';
import type { Carrier, CarrierOptions, Impair, LegTransport } from './leg-transport.ts';
import { createMediaClock, type MediaClock } from './media-clock.ts';
import { TELEPHONE_EVENT_PAYLOAD_TYPE, type MediaUnit, type OutgoingUnit } from './media-unit.ts';
import { writeSdp } from './rtp/sdp.ts';
import { SimulatedMedia } from './simulated-media.ts';

export interface InProcessMediaOptions {
  readonly clock?: MediaClock;
  /** The same seed: the same noise, losses, delays and duplicates. Default 1. */
  readonly seed?: number;
}

/** Phones and FreeSWITCH in one process, frames handed over directly: no socket, no media server. */
export function createInProcessMedia(options: InProcessMediaOptions = {}): Media {
  const { clock = createMediaClock(), seed = 1 } = options;
  let streams = 0;
  return new SimulatedMedia({
    clock,
    seed,
    openCarrier: async (leg) => {
      await Promise.resolve();
      return new DirectCarrier(leg, clock, () => ++streams);
    },
    closeCarriers: async () => Promise.resolve(),
  });
}

/** Time that a hold takes, as with a re-INVITE. */
const HOLD_MS = 40;

class DirectCarrier implements Carrier {
  readonly phoneEnd: DirectEnd;
  readonly freeswitchEnd: DirectEnd;
  readonly #clock: MediaClock;
  readonly #nextStream: () => number;
  readonly #direction: CarrierOptions['direction'];
  #port: number;
  #answered = false;
  #resume: () => void = () => undefined;

  constructor(options: CarrierOptions, clock: MediaClock, nextStream: () => number) {
    this.#clock = clock;
    this.#nextStream = nextStream;
    this.#direction = options.direction;
    this.freeswitchEnd = new DirectEnd(
      nextStream(),
      (deliver) => deliver(),
      () => this.phoneEnd,
    );
    this.phoneEnd = new DirectEnd(nextStream(), options.impair, () => this.freeswitchEnd);
    this.#port = portOf(nextStream());
  }

  get sdp(): string {
    if (this.#direction === 'outbound' && !this.#answered) return '';
    return writeSdp({ host: SBC_INTERNAL_ADDRESS, port: this.#port }, 1);
  }

  async answer(): Promise<void> {
    this.#answered = true;
    this.phoneEnd.open = true;
    this.freeswitchEnd.open = true;
    return Promise.resolve();
  }

  async renegotiate(): Promise<void> {
    this.phoneEnd.open = false;
    await new Promise<void>((resume) => {
      this.#resume = resume;
      this.#clock.after(HOLD_MS, resume);
    });
    if (!this.freeswitchEnd.open) return; // closed in the meantime
    this.#port = portOf(this.#nextStream());
    this.phoneEnd.ssrc = this.#nextStream();
    this.phoneEnd.open = true;
  }

  async close(): Promise<void> {
    this.phoneEnd.open = false;
    this.freeswitchEnd.open = false;
    this.#resume();
    return Promise.resolve();
  }
}

/** An even port for show: nothing listens there. */
function portOf(stream: number): number {
  return 40_000 + ((stream * 2) % 20_000);
}

class DirectEnd implements LegTransport {
  open = false;
  ssrc: number;
  readonly #impair: Impair;
  readonly #peer: () => DirectEnd;
  #handler: ((unit: MediaUnit) => void) | undefined;

  constructor(ssrc: number, impair: Impair, peer: () => DirectEnd) {
    this.ssrc = ssrc;
    this.#impair = impair;
    this.#peer = peer;
  }

  send(unit: OutgoingUnit): void {
    if (!this.open) return;
    const { ssrc } = this;
    const carried: MediaUnit =
      unit.kind === 'audio'
        ? { ...unit, ssrc }
        : { ...unit, ssrc, payloadType: TELEPHONE_EVENT_PAYLOAD_TYPE };
    this.#impair(() => this.#peer().#deliver(carried));
  }

  receive(handler: (unit: MediaUnit) => void): void {
    this.#handler = handler;
  }

  #deliver(unit: MediaUnit): void {
    if (this.open) this.#handler?.(unit);
  }
}
