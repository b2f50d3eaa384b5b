import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRtpPacket } from '../../../../src/telephony/rtpengine/rtp-packet.ts';

function packet(first: number, second: number, rest: number[]): Buffer {
  return Buffer.from([first, second, 0x12, 0x34, 0, 0, 0x10, 0, 0xaa, 0xbb, 0xcc, 0xdd, ...rest]);
}

describe('an RTP packet', () => {
  test('header and payload', () => {
    expect(parseRtpPacket(packet(0x80, 0x80 | 101, [4, 10, 0, 160]))).toEqual({
      payloadType: 101,
      sequenceNumber: 0x1234,
      timestamp: 0x1000,
      ssrc: 0xaabbccdd,
      payload: Buffer.from([4, 10, 0, 160]),
    });
  });

  test('contributing sources, extension and padding are not payload', () => {
    const rest = [1, 2, 3, 4, 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 0x55, 0x66, 0, 2];
    expect(parseRtpPacket(packet(0xb1, 0, rest))?.payload).toEqual(Buffer.from([0x55, 0x66]));
  });

  test.each([
    ['too short', Buffer.alloc(11, 0x80)],
    ['another version', packet(0x40, 0, [1])],
    ['RTCP', packet(0x80, 200, [1])],
    ['sources beyond the end', packet(0x8f, 0, [1])],
    ['an extension beyond the end', packet(0x90, 0, [0, 0, 0, 9])],
    ['half an extension header', packet(0x90, 0, [0, 0])],
    ['padding beyond the start', packet(0xa0, 0, [255])],
  ])('%s is none', (_name, datagram) => {
    expect(parseRtpPacket(datagram)).toBeUndefined();
  });

  test('any bytes are a packet within the datagram or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const parsed = parseRtpPacket(Buffer.from(bytes));
        expect(parsed?.payload.length ?? 0).toBeLessThanOrEqual(Math.max(0, bytes.length - 12));
      }),
    );
  });
});
