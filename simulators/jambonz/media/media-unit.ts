/** G.711 and telephone-event both run on an 8 kHz clock (RFC 3551 § 4.5.14, RFC 4733 § 2.1). */
export const SAMPLES_PER_MS = 8;
export const FRAME_MS = 20;
export const FRAME_SAMPLES = 160;

/** The dynamic payload type that both ends of the recorded calls use for telephone-event. */
export const TELEPHONE_EVENT_PAYLOAD_TYPE = 101;

/** 20 ms of audio on its way between a phone and FreeSWITCH. `timestamp`: 8 kHz units, modulo 2³². */
export interface AudioUnit {
  readonly kind: 'audio';
  /** Which stream it belongs to; a sender that starts anew takes another one (RFC 3550 § 8). */
  readonly ssrc: number;
  readonly timestamp: number;
  /** First packet of a talkspurt. */
  readonly marker: boolean;
  /** Never written to after it was sent: receivers keep it. */
  readonly samples: Int16Array;
}

/** One RFC 4733 packet. `timestamp` is that of the event's beginning, `duration` counts from there. */
export interface EventUnit {
  readonly kind: 'event';
  readonly ssrc: number;
  readonly timestamp: number;
  readonly marker: boolean;
  /** 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D` (RFC 4733 § 3.2). */
  readonly event: number;
  readonly end: boolean;
  readonly duration: number;
  readonly payloadType: number;
}

export type MediaUnit = AudioUnit | EventUnit;

/** What a sender makes; the stream that carries it adds `ssrc` and, on the wire, its own timestamp offset. */
export type OutgoingAudio = Omit<AudioUnit, 'ssrc'>;
export type OutgoingEvent = Omit<EventUnit, 'ssrc' | 'payloadType'>;
export type OutgoingUnit = OutgoingAudio | OutgoingEvent;

/** The difference of two RTP timestamps, across a wrap of 2³². */
export function timestampDifference(later: number, earlier: number): number {
  return (later - earlier) | 0;
}
