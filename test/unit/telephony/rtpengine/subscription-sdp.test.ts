import { describe, expect, test } from 'vitest';
import {
  readSubscriptionOffer,
  subscriptionAnswer,
} from '../../../../src/telephony/rtpengine/subscription-sdp.ts';

const OFFER = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.2.40',
  's=-',
  'c=IN IP4 127.0.2.20',
  't=0 0',
  'm=audio 30018 RTP/AVP 8 0 96 101',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:96 opus/48000/2',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=sendonly',
  'a=rtcp:30019',
  '',
].join('\r\n');

describe('the offer', () => {
  test('tells what each payload type carries', () => {
    const offer = readSubscriptionOffer(OFFER);
    expect([...offer.g711]).toEqual([
      [0, 'PCMU'],
      [8, 'PCMA'],
    ]);
    expect([...offer.telephoneEvents]).toEqual([101]);
  });

  test('static payload types need no rtpmap, and names are read in any case', () => {
    const offer = readSubscriptionOffer(
      'm=audio 4000 RTP/AVP 8 98 110\r\na=rtpmap:98 pcmu/8000/1\r\na=rtpmap:110 Telephone-Event/48000\r\n',
    );
    expect([...offer.g711]).toEqual([
      [8, 'PCMA'],
      [98, 'PCMU'],
    ]);
    expect([...offer.telephoneEvents]).toEqual([110]);
  });

  test.each([
    ['no media', 'v=0\r\n'],
    ['video', 'm=video 4000 RTP/AVP 0\r\n'],
    ['two streams', 'm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n'],
    ['SRTP', 'm=audio 4000 RTP/SAVPF 0\r\n'],
    ['no G.711', 'm=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n'],
  ])('%s is unsupported', (_name, sdp) => {
    expect(() => readSubscriptionOffer(sdp)).toThrow(
      expect.objectContaining({ code: 'sentinel_unsupported' }),
    );
  });
});

test('the answer accepts every format, telephone-event among them, and only receives', () => {
  expect(subscriptionAnswer(readSubscriptionOffer(OFFER), '127.0.0.1', 40_000).split('\r\n')).toEqual([
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    'm=audio 40000 RTP/AVP 8 0 96 101',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:96 opus/48000/2',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=recvonly',
    '',
  ]);
});
