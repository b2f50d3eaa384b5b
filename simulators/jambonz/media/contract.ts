/**
 * The media side of the simulated telephone system: phones, SBC, FreeSWITCH and (for the dial bridge) a real
 * rtpengine between them. The protocol side (`../protocol`) drives it as jambonz's feature server drives FreeSWITCH.
 * All audio is 8 kHz signed 16-bit mono in frames of 160 samples (20 ms); all times are `performance.now()` ms.
 */

/** How a phone sends a key: RFC 4733 events, SIP INFO, audible tones, or events with an audible lead. */
export type DtmfTransport = 'rfc4733' | 'info' | 'tones' | 'bleed';

export interface KeyingOptions {
  readonly transport: DtmfTransport;
  /** Key down and pause, ms. Default 100 and 100. Events and INFO last whole frames of 20 ms; tones are exact. */
  readonly onMs?: number;
  readonly offMs?: number;
  /** `bleed`: how much tone goes out before each event. Default 30; 10 to 60. */
  readonly toneLeadMs?: number;
  /**
   * The RFC 4733 end packets are sent with audio between them: listen then delivers the digit two or three times.
   * Needs a pause of 80 ms or more.
   */
  readonly spacedEndPackets?: boolean;
}

/** One key press as sent. `key` is the character that the test keyed. */
export interface KeyedKey {
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** An RFC 4733 packet that reached a phone. */
export interface TelephoneEventPacket {
  readonly atMs: number;
  readonly event: number;
  readonly end: boolean;
  readonly payloadType: number;
}

export interface Impairments {
  /** 0 to 1; applied to what this phone sends. */
  readonly packetLoss?: number;
  readonly jitterMs?: number;
}

export interface PhoneOptions {
  readonly number: string;
  /** Samples that this phone's person speaks, looped; silence when absent. Background noise is always added (−65 dBFS). */
  readonly speech?: Int16Array;
  readonly impairments?: Impairments;
  /** The agent phone's behaviour when called. Default: rings 100 ms, then answers. */
  readonly onRing?: 'answer' | 'busy' | 'ignore';
  readonly ringMs?: number;
}

/** A telephone with a person at it. It records everything it hears. */
export interface Phone {
  readonly number: string;
  /**
   * Keys one character after the other (`0`–`9`, `*`, `#`, `A`–`D`); resolves when the last key is up, or with the
   * keys that were sent when the leg ends. Rejects when the phone is not in a call.
   */
  key(digits: string, options: KeyingOptions): Promise<readonly KeyedKey[]>;
  /** Whether the person is speaking. While a tone or an event is sent the phone sends no speech. */
  setSpeaking(speaking: boolean): void;
  hangUp(): void;
  /** Everything heard since the leg came up; missing packets are silence. Sample 0 was heard at `startedAtMs`. */
  heard(): { readonly samples: Int16Array; readonly startedAtMs: number };
  telephoneEventsHeard(): readonly TelephoneEventPacket[];
}

/** A key press as FreeSWITCH reports it on a fork (mod_audio_fork's dtmf frame). */
export interface ForkedKey {
  readonly dtmf: string;
  /** 8 kHz units, as a string: that is how jambonz sends it. */
  readonly duration: string;
}

/** What a `listen` verb taps. `stereo`: channel 0 from the leg's phone, channel 1 what the leg is given; interleaved. */
export interface Fork {
  close(): void;
}

export interface ForkOptions {
  readonly mixType: 'mono' | 'mixed' | 'stereo';
  onAudio(frame: Buffer): void;
  onKey(key: ForkedKey): void;
}

export interface ConferenceMember {
  leave(): void;
  /** Takes effect after the measured delay (31 ms on, 92 ms off) without any acknowledgement. */
  mute(on: boolean): void;
  coach(tag: string | undefined): void;
}

export interface ConferenceOptions {
  readonly memberTag?: string;
  /** The stock configuration of FreeSWITCH: `0` toggles mute, `*` deaf-mutes, `#` leaves. Default `none`. */
  readonly callerControls?: 'none' | 'stock';
  /** Called when `#` under stock caller-controls throws the member out. */
  onThrownOut(): void;
}

/** One leg as FreeSWITCH holds it. */
export interface MediaLeg {
  /** SIP Call-ID; for an outbound leg this is rtpengine's call-id. */
  readonly sipCallId: string;
  /** `sbc_callid`; for an inbound leg this is rtpengine's call-id. */
  readonly sbcCallId: string;
  /** The SDP that the phone's side offered to FreeSWITCH. */
  readonly sdp: string;
  /** The From tag of FreeSWITCH's own dialogue; rtpengine knows the leg by others. */
  readonly fromTag: string;
  answer(): Promise<void>;
  hangUp(): void;
  fork(options: ForkOptions): Fork;
  /**
   * Plays samples to the phone, instead of its bridge or mixed with its conference; resolves when done or when the leg
   * is gone. Taps do not hear what is mixed into a conference.
   */
  play(samples: Int16Array): Promise<void>;
  joinConference(name: string, options: ConferenceOptions): ConferenceMember;
  /** Holds and resumes with a re-INVITE and a new port on the phone's side. */
  renegotiate(): Promise<void>;
}

export type OutboundResult =
  { readonly result: 'answered' } | { readonly result: 'busy' } | { readonly result: 'no_answer' };

export interface OutboundLeg extends MediaLeg {
  /** Resolves at the final answer; `no_answer` after `timeoutMs`, or when cancelled. */
  readonly final: Promise<OutboundResult>;
  cancel(): void;
}

export interface Media {
  /** rtpengine's ng address when there is one. */
  readonly ngAddress?: { readonly host: string; readonly port: number };
  /** Where FreeSWITCH's RTP comes from (the agent-bound stream's tag has this endpoint address). */
  readonly freeswitchAddress: string;
  createPhone(options: PhoneOptions): Phone;
  /** The phone calls in. The leg is in early state until `answer`. `onHangUp`: the phone hung up. */
  inbound(phone: Phone, onHangUp: () => void): Promise<MediaLeg>;
  /** Calls a phone. `ringing` is called when it rings. */
  outbound(
    phone: Phone,
    options: { readonly timeoutMs: number; ringing(): void; onHangUp(): void },
  ): Promise<OutboundLeg>;
  /** Two answered legs hear each other; events are re-generated towards the other leg. Returns the undo. */
  bridge(a: MediaLeg, b: MediaLeg): () => void;
  close(): Promise<void>;
}
