import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import type { Impair, LegTransport } from '../leg-transport.ts';
import { TELEPHONE_EVENT_PAYLOAD_TYPE, type MediaUnit, type OutgoingUnit } from '../media-unit.ts';
import { readRtpPacket, writeRtpPacket } from './rtp-packet.ts';
import type { MediaAddress } from './sdp.ts';

/** One end of an RTP session: a UDP socket with its own stream, and where to send to. */
export class RtpEndpoint implements LegTransport {
  readonly #host: string;
  readonly #impair: Impair;
  #socket: Socket;
  #stream = newStream();
  #remote: MediaAddress | undefined;
  #handler: ((unit: MediaUnit) => void) | undefined;
  #sending = false;
  #closed = false;

  private constructor(host: string, impair: Impair, socket: Socket) {
    this.#host = host;
    this.#impair = impair;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Binds a free port of `host`. */
  static async open(host: string, impair: Impair = (deliver) => deliver()): Promise<RtpEndpoint> {
    return new RtpEndpoint(host, impair, await bind(host));
  }

  get address(): MediaAddress {
    return { host: this.#host, port: this.#socket.address().port };
  }

  setRemote(remote: MediaAddress): void {
    this.#remote = remote;
  }

  /** Nothing is sent before `start` and after `stop`: early, or on hold. */
  start(): void {
    this.#sending = true;
  }

  stop(): void {
    this.#sending = false;
  }

  /** A new port and a new stream; what is still on its way to the old port is lost. */
  async rebind(): Promise<void> {
    const socket = await bind(this.#host);
    if (this.#closed) {
      await closeSocket(socket);
      return;
    }
    const old = this.#socket;
    this.#socket = socket;
    this.#stream = newStream();
    this.#listen(socket);
    await closeSocket(old);
  }

  send(unit: OutgoingUnit): void {
    const remote = this.#remote;
    if (remote === undefined || !this.#sending || this.#closed) return;
    const stream = this.#stream;
    const carried = { ssrc: stream.ssrc, timestamp: (unit.timestamp + stream.timestampOffset) >>> 0 };
    const packet = writeRtpPacket(
      unit.kind === 'audio'
        ? { ...unit, ...carried }
        : { ...unit, ...carried, payloadType: TELEPHONE_EVENT_PAYLOAD_TYPE },
      stream.sequence,
    );
    stream.sequence = (stream.sequence + 1) & 0xffff;
    const socket = this.#socket;
    this.#impair(() => {
      // A full buffer or a peer that is gone loses the packet, as networks do.
      if (!this.#closed && socket === this.#socket)
        socket.send(packet, remote.port, remote.host, () => undefined);
    });
  }

  receive(handler: (unit: MediaUnit) => void): void {
    this.#handler = handler;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await closeSocket(this.#socket);
  }

  #listen(socket: Socket): void {
    socket.on('message', (packet) => {
      if (this.#closed) return;
      const unit = readRtpPacket(packet);
      if (unit !== undefined) this.#handler?.(unit);
    });
    socket.on('error', () => undefined);
  }
}

interface Stream {
  readonly ssrc: number;
  readonly timestampOffset: number;
  sequence: number;
}

/** RFC 3550 § 5.1: all three begin at random. */
function newStream(): Stream {
  return { ssrc: randomInt(2 ** 32), timestampOffset: randomInt(2 ** 32), sequence: randomInt(2 ** 16) };
}

/** Addresses are IPv4 literals: a look-up for each packet would only cost time. */
async function bind(host: string): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    lookup: (name, _options, callback) => callback(null, name, 4),
  });
  const listening = once(socket, 'listening'); // the look-up answers at once, and so may `bind`
  socket.bind({ address: host, port: 0, exclusive: true });
  await listening;
  return socket;
}

async function closeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}
