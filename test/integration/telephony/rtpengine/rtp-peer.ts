import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeG711 } from '../../../../src/telephony/rtpengine/g711.ts';
import { parseRtpPacket, type RtpPacket } from '../../../../src/telephony/rtpengine/rtp-packet.ts';

const PCMU = 0;
export const TELEPHONE_EVENT = 101;
const SAMPLES_A_PACKET = 160;
const PACKET_MS = 20;
/** What one `key` sends. */
export const EVENT_PACKETS = 5;

/** µ-law code of each loudness, found through the decoder: the nearest of 256. */
function encodePcmu(sample: number): number {
  const levels = decodeG711(
    'PCMU',
    Uint8Array.from({ length: 256 }, (_, code) => code),
  );
  let best = 0;
  for (const [code, level] of levels.entries()) {
    if (Math.abs(level - sample) < Math.abs((levels[best] ?? 0) - sample)) best = code;
  }
  return best;
}

/** 20 ms of a 400 Hz tone (a whole number of periods), −10 dBFS. */
const TONE = Buffer.from(
  Array.from({ length: SAMPLES_A_PACKET }, (_, n) =>
    encodePcmu(10_000 * Math.sin((2 * Math.PI * 400 * n) / 8000)),
  ),
);

export interface Heard {
  readonly atMs: number;
  readonly packet: RtpPacket;
}

/** One end of a call: an RTP socket that sends PCMU and telephone-events and keeps what it gets. */
export class RtpPeer {
  readonly address: string;
  readonly #socket: Socket;
  readonly heard: Heard[] = [];
  #target: { host: string; port: number } | undefined;
  #sequence = 1_000;
  #timestamp = 50_000;
  readonly #ssrc: number;
  readonly #keys: { readonly packets: Buffer[]; readonly resolve: () => void }[] = [];
  #talking: AbortController | undefined;
  #talk: Promise<void> = Promise.resolve();

  private constructor(address: string, socket: Socket, ssrc: number) {
    this.address = address;
    this.#socket = socket;
    this.#ssrc = ssrc;
    socket.on('message', (datagram) => {
      const packet = parseRtpPacket(datagram);
      if (packet !== undefined) this.heard.push({ atMs: performance.now(), packet });
    });
    // A paused or ended engine answers with ICMP errors.
    socket.on('error', () => undefined);
  }

  static async open(address: string, ssrc: number): Promise<RtpPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new RtpPeer(address, socket, ssrc);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  sdp(version = 1): string {
    return [
      'v=0',
      `o=- 1 ${version} IN IP4 ${this.address}`,
      's=-',
      `c=IN IP4 ${this.address}`,
      't=0 0',
      `m=audio ${this.port} RTP/AVP ${PCMU} ${TELEPHONE_EVENT}`,
      'a=rtpmap:0 PCMU/8000',
      `a=rtpmap:${TELEPHONE_EVENT} telephone-event/8000`,
      `a=fmtp:${TELEPHONE_EVENT} 0-16`,
      'a=sendrecv',
      '',
    ].join('\r\n');
  }

  /** Sends to where the SDP that rtpengine gave for the other end says. */
  sendTo(sdp: string): void {
    const host = /c=IN IP4 (\S+)/.exec(sdp)?.[1];
    const port = /m=audio (\d+)/.exec(sdp)?.[1];
    if (host === undefined || port === undefined) throw new Error('no media address in the SDP');
    this.#target = { host, port: Number(port) };
  }

  /** A tone or, while a key is down, an event packet every 20 ms until `hush`. */
  talk(): void {
    const talking = new AbortController();
    this.#talking = talking;
    this.#talk = (async () => {
      // Never faster to catch up: rtpengine 10.5 loses telephone-events that come in a burst.
      while (!talking.signal.aborted) {
        this.#tick();
        await delay(PACKET_MS);
      }
    })();
  }

  async hush(): Promise<void> {
    this.#talking?.abort();
    await this.#talk;
  }

  /**
   * Presses a key for 60 ms: three event packets, and the end twice more (RFC 4733, section 2.5.1), one each 20 ms
   * and no audio meanwhile, as FreeSWITCH does. Resolves when all are sent.
   */
  key(event: number): Promise<void> {
    const packets = [160, 320, 480, 480, 480].map((duration, index) =>
      Buffer.from([event, (index > 1 ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]),
    );
    return new Promise((resolve) => this.#keys.push({ packets, resolve }));
  }

  #tick(): void {
    const key = this.#keys[0];
    const packet = key?.packets.shift();
    if (key === undefined || packet === undefined) {
      this.#send(PCMU, TONE, false);
      this.#timestamp += SAMPLES_A_PACKET;
      return;
    }
    this.#send(TELEPHONE_EVENT, packet, key.packets.length === EVENT_PACKETS - 1);
    if (key.packets.length > 0) return;
    this.#timestamp += SAMPLES_A_PACKET * EVENT_PACKETS;
    this.#keys.shift();
    key.resolve();
  }

  events(since = 0): Heard[] {
    return this.heard.filter(({ atMs, packet }) => atMs >= since && packet.payloadType === TELEPHONE_EVENT);
  }

  audio(since = 0): Heard[] {
    return this.heard.filter(({ atMs, packet }) => atMs >= since && packet.payloadType === PCMU);
  }

  async close(): Promise<void> {
    await this.hush();
    await once(this.#socket.close(), 'close');
  }

  #send(payloadType: number, payload: Buffer, marker: boolean): void {
    if (this.#target === undefined) throw new Error('no target yet');
    const header = Buffer.alloc(12);
    header.writeUInt8(0x80, 0);
    header.writeUInt8((marker ? 0x80 : 0) | payloadType, 1);
    header.writeUInt16BE(this.#sequence & 0xffff, 2);
    header.writeUInt32BE(this.#timestamp >>> 0, 4);
    header.writeUInt32BE(this.#ssrc, 8);
    this.#sequence += 1;
    this.#socket.send(Buffer.concat([header, payload]), this.#target.port, this.#target.host);
  }
}

/** The loudest sample of a packet: 0 to 32,124. */
export function peak({ packet }: Heard): number {
  return decodeG711('PCMU', packet.payload).reduce(
    (loudest, sample) => Math.max(loudest, Math.abs(sample)),
    0,
  );
}

/** Polls until `condition` holds; fails loudly after `withinMs`. */
export async function eventually(what: string, condition: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in ${withinMs} ms: ${what}`);
    await delay(5);
  }
}
