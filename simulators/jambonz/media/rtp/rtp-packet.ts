import { decodeMuLaw, encodeMuLaw } from '../../../audio/g711.ts';
import { FRAME_SAMPLES, TELEPHONE_EVENT_PAYLOAD_TYPE, type MediaUnit } from '../media-unit.ts';

/** PCMU (RFC 3551 § 6). */
const PCMU = 0;
const HEADER_BYTES = 12;
const VERSION_2 = 0x80;
const EVENT_BYTES = 4;
const END_BIT = 0x80;
/** −10 dBm0 (RFC 4733 § 2.3.3: the power level without its sign). */
const EVENT_VOLUME = 10;

/** An RTP packet (RFC 3550 § 5.1) of one frame or one event. */
export function writeRtpPacket(unit: MediaUnit, sequence: number): Buffer {
  const payload = unit.kind === 'audio' ? encodeMuLaw(unit.samples) : eventPayload(unit);
  const packet = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  packet[0] = VERSION_2;
  packet[1] = (unit.marker ? 0x80 : 0) | (unit.kind === 'audio' ? PCMU : unit.payloadType);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(unit.timestamp >>> 0, 4);
  packet.writeUInt32BE(unit.ssrc >>> 0, 8);
  packet.set(payload, HEADER_BYTES);
  return packet;
}

function eventPayload(unit: { event: number; end: boolean; duration: number }): Buffer {
  const payload = Buffer.alloc(EVENT_BYTES);
  payload[0] = unit.event;
  payload[1] = (unit.end ? END_BIT : 0) | EVENT_VOLUME;
  payload.writeUInt16BE(Math.min(0xffff, unit.duration), 2);
  return payload;
}

/** Undefined for what is not a frame of mu-law or a telephone-event: RTCP, other codecs, noise. */
export function readRtpPacket(packet: Buffer): MediaUnit | undefined {
  if (packet.length < HEADER_BYTES) return undefined;
  const first = packet.readUInt8(0);
  const second = packet.readUInt8(1);
  if ((first & 0xc0) !== VERSION_2) return undefined;
  let start = HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (packet.length < start + 4) return undefined;
    start += 4 + packet.readUInt16BE(start + 2) * 4;
  }
  const payload = packet.subarray(start);
  const marker = (second & 0x80) !== 0;
  const payloadType = second & 0x7f;
  const header = { ssrc: packet.readUInt32BE(8), timestamp: packet.readUInt32BE(4), marker };
  if (payloadType === PCMU && payload.length === FRAME_SAMPLES) {
    return { kind: 'audio', ...header, samples: decodeMuLaw(payload) };
  }
  if (payloadType !== TELEPHONE_EVENT_PAYLOAD_TYPE || payload.length < EVENT_BYTES) return undefined;
  return {
    kind: 'event',
    ...header,
    payloadType,
    event: payload.readUInt8(0),
    end: (payload.readUInt8(1) & END_BIT) !== 0,
    duration: payload.readUInt16BE(2),
  };
}
