import { EventEmitter } from 'node:events';
import type { Session } from '@jambonz/node-client-ws/lib/client.js';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { ControlLink } from '../../../../src/telephony/jambonz/control-link.ts';
import { LegListening } from '../../../../src/telephony/jambonz/leg-listening.ts';
import { ListenPaths } from '../../../../src/telephony/jambonz/listen-paths.ts';
import type { SessionSocket } from '../../../../src/telephony/jambonz/session-socket.ts';
import { ManualClock } from '../rtpengine/manual-clock.ts';

const METADATA = JSON.stringify({ callSid: 'sid_1' });
const KEY = JSON.stringify({ event: 'dtmf', dtmf: '4', duration: '800' });

/** A listen socket as jambonz's end would fill it. */
class ListenSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;

  frame(content: string | Buffer): Buffer {
    const isBinary = typeof content !== 'string';
    const frame = Buffer.from(content);
    this.emit('message', frame, isBinary);
    return frame;
  }

  close(): void {
    this.readyState = 3;
  }

  terminate(): void {
    this.readyState = 3;
  }
}

it('zeroes every frame that may hold a key, also those that are not taken in', () => {
  const clock = new ManualClock();
  const paths = new ListenPaths(clock);
  const tokens: string[] = [];
  const keys: number[] = [];
  const control = new ControlLink();
  const session = {
    sendCommand: (_command: string, { listen }: { listen: { url?: string } }) => {
      if (listen.url !== undefined) tokens.push(listen.url.slice(listen.url.lastIndexOf('/') + 1));
    },
  };
  control.attach(session as unknown as Session, { isOpen: true } as SessionSocket);
  const listening = new LegListening(
    { control, callSid: 'sid_1', mix: 'mono' },
    { audio: () => {}, key: (key) => keys.push(key), lost: () => {}, back: () => {} },
    {
      paths,
      clock,
      listenUrl: () => 'ws://localhost',
      wsAuth: () => ({ username: 'u', password: 'p' }),
      refused: () => {},
    },
  );
  void listening.open();
  const accept = paths.redeem(tokens[0] ?? '');
  const [first, second] = [new ListenSocket(), new ListenSocket()];
  accept?.(first as unknown as WebSocket);
  const beforeMetadata = first.frame(Buffer.alloc(320, 7));
  first.frame(METADATA);
  const audio = first.frame(Buffer.alloc(320, 7));
  const key = first.frame(KEY);
  const tooLarge = first.frame(KEY.padEnd(17 * 1024));
  accept?.(second as unknown as WebSocket); // in the place of the first
  const afterwards = [first.frame(KEY), first.frame(Buffer.alloc(320, 7))];
  expect(keys).toEqual([4]);
  for (const frame of [beforeMetadata, audio, key, tooLarge, ...afterwards]) {
    expect(frame.every((byte) => byte === 0)).toBe(true);
  }
});
