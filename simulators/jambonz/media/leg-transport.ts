import type { MediaUnit, OutgoingUnit } from './media-unit.ts';

/** One end of the way between a phone and FreeSWITCH. */
export interface LegTransport {
  /** Sends now. After `close` and before the far end is known it does nothing, as a UDP socket would. */
  send(unit: OutgoingUnit): void;
  /** The one receiver of what the far end sends. */
  receive(handler: (unit: MediaUnit) => void): void;
}

/** What the way does to what the phone sends: `deliver` is called never, at once or later. */
export type Impair = (deliver: () => void) => void;

/** The media server does not answer, or no longer knows the call: the leg fails, the simulator does not. */
export class CarrierGone extends Error {
  constructor(cause: unknown) {
    super('the media server is gone', { cause });
    this.name = 'CarrierGone';
  }
}

/** Both ends of a leg's media, and the signalling that brings it up. */
export interface Carrier {
  readonly phoneEnd: LegTransport;
  readonly freeswitchEnd: LegTransport;
  /** The SDP of the phone's side as FreeSWITCH has it; empty until an outbound leg is answered. */
  readonly sdp: string;
  /** Offer and answer are complete: both ends may send. This and `renegotiate` may reject with `CarrierGone`. */
  answer(): Promise<void>;
  /** Hold, then resume with a new port and a new stream on the phone's side. */
  renegotiate(): Promise<void>;
  /** Idempotent. Rejects when the media server refused to let the call go. */
  close(): Promise<void>;
}

export interface CarrierOptions {
  readonly direction: 'inbound' | 'outbound';
  readonly sipCallId: string;
  readonly sbcCallId: string;
  readonly impair: Impair;
}

export type OpenCarrier = (options: CarrierOptions) => Promise<Carrier>;
