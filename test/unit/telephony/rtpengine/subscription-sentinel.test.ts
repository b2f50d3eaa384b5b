import { createSocket } from 'node:dgram';
import { expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { decodeBencode, encodeBencode } from '../../../../src/telephony/rtpengine/bencode.ts';
import type { NgClient, NgReply } from '../../../../src/telephony/rtpengine/ng.ts';
import { subscribeSentinel } from '../../../../src/telephony/rtpengine/subscription-sentinel.ts';

const OFFER = 'v=0\r\nm=audio 30000 RTP/AVP 0\r\na=sendonly\r\n';

it('forgets each packet that the agent was given once it was listened to', async () => {
  let port = 0;
  const ng: NgClient = {
    command: (message) => {
      const { sdp } = message;
      if (typeof sdp === 'string') port = Number(/m=audio (?<port>\d+)/.exec(sdp)?.groups?.['port']);
      return Promise.resolve(decodeBencode(encodeBencode({ result: 'ok', sdp: OFFER })) as NgReply);
    },
    onReconnect: () => () => {},
    close: () => Promise.resolve(),
  };
  let arrived: (samples: Int16Array) => void = () => {};
  const given = new Promise<Int16Array>((resolve) => (arrived = resolve));
  let loudest = 0;
  const sentinel = await subscribeSentinel({
    ng,
    stream: { callId: 'call', tag: 'tag' },
    listen: { address: '127.0.0.1', port: 0 },
    onAudio: (samples) => {
      loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), loudest);
      arrived(samples);
    },
    onTelephoneEvent: () => {},
    logger: silentLogger,
  });
  onTestFinished(() => sentinel.close());
  const engine = createSocket('udp4');
  onTestFinished(() => void engine.close());
  const packet = Buffer.alloc(12 + 160, 0x10); // µ-law, loud
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(0, 1);
  engine.send(packet, port, '127.0.0.1');
  const samples = await given;
  expect(loudest).toBeGreaterThan(1000);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect(samples.every((sample) => sample === 0)).toBe(true);
});
