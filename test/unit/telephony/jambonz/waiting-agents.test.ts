import { EventEmitter } from 'node:events';
import type { Session } from '@jambonz/node-client-ws/lib/client.js';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { SessionSocket } from '../../../../src/telephony/jambonz/session-socket.ts';
import { WaitingAgents, type WaitingAgent } from '../../../../src/telephony/jambonz/waiting-agents.ts';
import { ManualClock } from '../rtpengine/manual-clock.ts';

function agent(): WaitingAgent {
  const handlers = {
    started: () => {},
    reconnected: () => {},
    status: () => {},
    hook: () => [],
    closed: () => {},
    refused: () => {},
  };
  const socket = new EventEmitter() as WebSocket;
  return { session: {} as Session, socket: new SessionSocket(socket, '/jambonz/agent/x', handlers) };
}

it('an agent waits a minute for the caller, from the last time that it came back', async () => {
  const clock = new ManualClock();
  const waiting = new WaitingAgents(clock);
  const again = agent();
  waiting.wait('sid', agent());
  await clock.advance(50_000);
  waiting.wait('sid', again);
  await clock.advance(59_999);
  expect(waiting.take('sid')).toBe(again);
  expect(waiting.take('sid')).toBeUndefined();
  expect(clock.pending).toBe(0);
  waiting.wait('sid', again);
  await clock.advance(60_000);
  expect(waiting.take('sid')).toBeUndefined();
});
