import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkSessionFrame,
  LARGEST_SESSION_FRAME_BYTES,
  readStatusBody,
} from '../../../../src/telephony/jambonz/session-frame.ts';

const frame = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('checkSessionFrame', () => {
  it.each([
    ['binary', Buffer.from([1, 2, 3]), true],
    ['not_json', Buffer.from('{"type":'), false],
    ['no_type_or_msgid', frame({ msgid: 'a' }), false],
    ['no_type_or_msgid', frame({ type: 'call:status' }), false],
    ['no_type_or_msgid', frame([1]), false],
    ['no_type_or_msgid', frame('text'), false],
    ['no_type_or_msgid', frame(null), false],
    ['too_large', Buffer.alloc(LARGEST_SESSION_FRAME_BYTES + 1, 0x20), false],
    ['no_call', frame({ type: 'session:new', msgid: 'a', data: {} }), false],
    ['no_call', frame({ type: 'session:reconnect', msgid: 'a', call_sid: 'c' }), false],
  ] as const)('refuses %s', (problem, data, isBinary) => {
    expect(checkSessionFrame(data, isBinary)).toEqual({ verdict: 'refuse', problem });
  });

  it('ignores what nothing here asked for, such as text-to-speech events that would reject in the package', () => {
    const event = frame({ type: 'tts:streaming-event', msgid: 'a', data: { event_type: 'stream_resumed' } });
    expect(checkSessionFrame(event, false)).toEqual({ verdict: 'ignore' });
  });

  it('passes on named values only', () => {
    const checked = checkSessionFrame(
      frame({
        type: 'session:new',
        msgid: 'm',
        call_sid: 'c',
        data: {
          sip: { raw: 'INVITE' },
          to: '2000',
          call_id: 'x'.repeat(513),
          send: 'overwritten',
          sip_status: 100,
        },
      }),
      false,
    );
    expect(checked).toEqual({
      verdict: 'pass',
      frame: { type: 'session:new', msgid: 'm', callSid: 'c', data: { to: '2000', sip_status: 100 } },
    });
  });

  it('never throws and never passes a frame without type and msgid', () => {
    const anything = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
    );
    const isSafe = (bytes: Buffer): boolean => {
      const checked = checkSessionFrame(bytes, false);
      return checked.verdict !== 'pass' || (checked.frame.msgid !== '' && checked.frame.type !== '');
    };
    expect(fc.check(fc.property(anything, isSafe)).failed).toBe(false);
  });
});

describe('readStatusBody', () => {
  it('reads an object and refuses everything else', () => {
    expect(readStatusBody({ call_status: 'busy', sip: {} })?.data).toEqual({ call_status: 'busy' });
    expect(readStatusBody([1])).toBeUndefined();
    expect(readStatusBody('busy')).toBeUndefined();
  });
});
