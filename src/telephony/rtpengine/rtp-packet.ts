/** The part of an RTP packet (RFC 3550, section 5.1) that a listener needs. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** A view into the datagram. */
  readonly payload: Buffer;
}

const FIXED_HEADER_BYTES = 12;
const VERSION = 2;

/** Undefined for what is no RTP packet, RTCP (RFC 5761, section 4) included. */
export function parseRtpPacket(datagram: Buffer): RtpPacket | undefined {
  if (datagram.length < FIXED_HEADER_BYTES) return undefined;
  const first = datagram.readUInt8(0);
  if (first >> 6 !== VERSION) return undefined;
  const payloadType = datagram.readUInt8(1) & 0x7f;
  if (payloadType >= 64 && payloadType <= 95) return undefined;
  let start = FIXED_HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (datagram.length < start + 4) return undefined;
    start += 4 + datagram.readUInt16BE(start + 2) * 4;
  }
  const padding = (first & 0x20) === 0 ? 0 : datagram.readUInt8(datagram.length - 1);
  const end = datagram.length - padding;
  if (start > end) return undefined;
  return {
    payloadType,
    sequenceNumber: datagram.readUInt16BE(2),
    timestamp: datagram.readUInt32BE(4),
    ssrc: datagram.readUInt32BE(8),
    payload: datagram.subarray(start, end),
  };
}
