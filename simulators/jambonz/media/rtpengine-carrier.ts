import { randomBytes } from 'node:crypto';
import { hasCode } from '../../../src/telephony/rtpengine/ng-errors.ts';
import type { NgClient, NgMessage, NgReply } from '../../../src/telephony/rtpengine/ng.ts';
import { AGENT_ADDRESS, CALLER_ADDRESS, FREESWITCH_ADDRESS } from './addresses.ts';
import { CarrierGone, type Carrier, type CarrierOptions } from './leg-transport.ts';
import { RtpEndpoint } from './rtp/rtp-endpoint.ts';
import { readMediaAddress, writeSdp, type MediaDirection } from './rtp/sdp.ts';

/** The SBC's media handling on one leg: offer, answer and delete towards rtpengine, RTP at both ends. */
export async function openRtpengineCarrier(ng: NgClient, options: CarrierOptions): Promise<Carrier> {
  const phoneHost = options.direction === 'inbound' ? CALLER_ADDRESS : AGENT_ADDRESS;
  const phoneEnd = await RtpEndpoint.open(phoneHost, options.impair);
  const freeswitchEnd = await RtpEndpoint.open(FREESWITCH_ADDRESS);
  const carrier = new RtpengineCarrier(ng, options, phoneEnd, freeswitchEnd);
  try {
    await carrier.offer();
  } catch (error) {
    await Promise.all([phoneEnd.close(), freeswitchEnd.close()]);
    throw error;
  }
  return carrier;
}

type Side = 'phone' | 'freeswitch';

/** Which of rtpengine's interfaces a side is on, as `direction` wants it: from, to. */
const INTERFACES = { phone: ['external', 'internal'], freeswitch: ['internal', 'external'] } as const;

const OTHER = { phone: 'freeswitch', freeswitch: 'phone' } as const;

class RtpengineCarrier implements Carrier {
  readonly phoneEnd: RtpEndpoint;
  readonly freeswitchEnd: RtpEndpoint;
  readonly #ng: NgClient;
  readonly #direction: CarrierOptions['direction'];
  readonly #callId: string;
  /** A phone's tag as the recorded phones made it, and one of FreeSWITCH. */
  readonly #tags = {
    phone: randomBytes(4).toString('hex'),
    freeswitch: randomBytes(10).toString('base64url').replaceAll(/[-_]/g, 'Q').slice(0, 13),
  };
  #sdp = '';
  #version = 0;
  #closed: Promise<void> | undefined;

  constructor(ng: NgClient, options: CarrierOptions, phoneEnd: RtpEndpoint, freeswitchEnd: RtpEndpoint) {
    this.#ng = ng;
    this.#direction = options.direction;
    this.#callId = options.direction === 'inbound' ? options.sbcCallId : options.sipCallId;
    this.phoneEnd = phoneEnd;
    this.freeswitchEnd = freeswitchEnd;
  }

  get sdp(): string {
    return this.#sdp;
  }

  /** The first offer: from the phone when it calls, from FreeSWITCH when it is called. */
  async offer(): Promise<void> {
    await this.#describe('offer', this.#offerer, this.#offerer);
  }

  async answer(): Promise<void> {
    await this.#describe('answer', OTHER[this.#offerer], this.#offerer);
    this.phoneEnd.start();
    this.freeswitchEnd.start();
  }

  async renegotiate(): Promise<void> {
    await this.#describe('offer', 'phone', 'phone', 'sendonly');
    await this.#describe('answer', 'freeswitch', 'phone', 'recvonly');
    this.phoneEnd.stop();
    await this.phoneEnd.rebind();
    await this.#describe('offer', 'phone', 'phone');
    await this.#describe('answer', 'freeswitch', 'phone');
    this.phoneEnd.start();
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  get #offerer(): Side {
    return this.#direction === 'inbound' ? 'phone' : 'freeswitch';
  }

  /**
   * Takes the session description of `by` through rtpengine to the other side. In the ng protocol the from-tag is
   * the offerer's in the offer and in the answer to it.
   */
  async #describe(
    command: 'offer' | 'answer',
    by: Side,
    offerer: Side,
    direction: MediaDirection = 'sendrecv',
  ): Promise<void> {
    const own = by === 'phone' ? this.phoneEnd : this.freeswitchEnd;
    const other = by === 'phone' ? this.freeswitchEnd : this.phoneEnd;
    this.#version += 1;
    const first = this.#version === 1;
    const reply = await this.#command({
      command,
      'call-id': this.#callId,
      'from-tag': this.#tags[offerer],
      ...(!first && { 'to-tag': this.#tags[OTHER[offerer]] }),
      sdp: writeSdp(own.address, this.#version, direction),
      direction: INTERFACES[by],
      replace: ['origin'],
      ICE: 'remove',
      // Plain pass-through. With `inject DTMF` rtpengine sends by timers of its own, and a stall of this process
      // would be heard as a delay; the SIP INFO that it is for takes another way here.
      flags: ['trust address'],
    });
    const sdp = reply.get('sdp');
    if (!Buffer.isBuffer(sdp))
      throw new Error(`rtpengine's answer to '${command}' has no session description`);
    const text = sdp.toString('utf8');
    if (by === 'phone') this.#sdp = text;
    other.setRemote(readMediaAddress(text));
  }

  async #close(): Promise<void> {
    await Promise.all([this.phoneEnd.close(), this.freeswitchEnd.close()]);
    try {
      await this.#command({ command: 'delete', 'call-id': this.#callId });
    } catch (error) {
      // It holds nothing of the call then.
      if (!(error instanceof CarrierGone)) throw error;
    }
  }

  async #command(message: NgMessage): Promise<NgReply> {
    try {
      return await this.#ng.command(message);
    } catch (error) {
      throw hasCode(error, 'rtpengine_unreachable', 'rtpengine_unknown_call')
        ? new CarrierGone(error)
        : error;
    }
  }
}
