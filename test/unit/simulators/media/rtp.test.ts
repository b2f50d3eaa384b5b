import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MediaUnit } from '../../../../simulators/jambonz/media/media-unit.ts';
import { RtpEndpoint } from '../../../../simulators/jambonz/media/rtp/rtp-endpoint.ts';
import { readRtpPacket, writeRtpPacket } from '../../../../simulators/jambonz/media/rtp/rtp-packet.ts';
import { readMediaAddress, writeSdp } from '../../../../simulators/jambonz/media/rtp/sdp.ts';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('RTP', () => {
  it('writes the bytes of RFC 3550 and RFC 4733', () => {
    const packet = writeRtpPacket(
      {
        kind: 'event',
        ssrc: 0x01020304,
        timestamp: 0xa0b0c0d0,
        marker: true,
        event: 11,
        end: true,
        duration: 800,
        payloadType: 101,
      },
      0x10203,
    );
    expect(packet.toString('hex')).toBe('80e50203a0b0c0d0010203040b8a0320');
  });

  it('reads what it writes', () => {
    fc.assert(
      fc.property(
        uint32,
        uint32,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 65_535 }),
        (ssrc, timestamp, marker, end, event, duration) => {
          const unit: MediaUnit = {
            kind: 'event',
            ssrc,
            timestamp,
            marker,
            end,
            event,
            duration,
            payloadType: 101,
          };
          expect(readRtpPacket(writeRtpPacket(unit, 7))).toEqual(unit);
        },
      ),
    );
  });

  it('passes over header extensions and contributing sources, and what it does not know', () => {
    const audio: MediaUnit = {
      kind: 'audio',
      ssrc: 1,
      timestamp: 2,
      marker: false,
      samples: new Int16Array(160).fill(1_052),
    };
    const plain = writeRtpPacket(audio, 1);
    const extended = Buffer.concat([
      Buffer.from([0x91]),
      plain.subarray(1, 12),
      Buffer.alloc(4),
      Buffer.from([0, 0, 0, 1, 9, 9, 9, 9]),
      plain.subarray(12),
    ]);
    expect(readRtpPacket(extended)).toEqual(readRtpPacket(plain));
    expect(readRtpPacket(Buffer.from('80c80006', 'hex'))).toBeUndefined();
    expect(readRtpPacket(Buffer.concat([Buffer.from([0x80, 8]), plain.subarray(2)]))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        readRtpPacket(Buffer.from(bytes));
      }),
    );
  });

  it('finds the address of a description, the media section first', () => {
    const sdp = writeSdp({ host: '127.0.1.10', port: 40_000 }, 3, 'sendonly');
    expect(readMediaAddress(sdp)).toEqual({ host: '127.0.1.10', port: 40_000 });
    expect(readMediaAddress(`${sdp}c=IN IP4 127.0.1.11\r\n`)).toEqual({ host: '127.0.1.11', port: 40_000 });
    expect(sdp).toContain('a=sendonly\r\n');
    expect(() => readMediaAddress('v=0\r\n')).toThrow('no audio');
    expect(() => readMediaAddress(sdp.replace('40000', '0'))).toThrow('no audio');
  });

  it('travels between two endpoints, each with its own stream, once both are started', async () => {
    const one = await RtpEndpoint.open('127.0.1.10');
    const other = await RtpEndpoint.open('127.0.2.40');
    one.setRemote(other.address);
    const received: MediaUnit[] = [];
    const enough = new Promise<void>((resolve) =>
      other.receive((unit) => {
        received.push(unit);
        if (received.length === 2) resolve();
      }),
    );
    const send = (timestamp: number): void =>
      one.send({ kind: 'audio', timestamp, marker: false, samples: new Int16Array(160) });
    send(0); // not started: lost
    one.start();
    send(160);
    const port = one.address.port;
    await one.rebind();
    expect(one.address.port).not.toBe(port);
    send(320);
    await enough;
    expect(received.map(({ ssrc }) => ssrc)[0]).not.toBe(received[1]?.ssrc);
    await Promise.all([one.close(), one.close(), other.close()]);
    send(480);
  });
});
