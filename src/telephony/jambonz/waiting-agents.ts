import type { Session } from '@jambonz/node-client-ws/lib/client.js';
import type { Clock } from '../../kernel/clock.ts';
import type { SessionSocket } from './session-socket.ts';

/** An agent's socket may come back before its caller's does. */
const AGENT_WAITS_MS = 60_000;

export interface WaitingAgent {
  readonly session: Session;
  readonly socket: SessionSocket;
}

/** Agent legs that came back before their caller did, by sid. */
export class WaitingAgents {
  readonly #clock: Clock;
  readonly #agents = new Map<string, WaitingAgent>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(sid: string, agent: WaitingAgent): void {
    this.#agents.set(sid, agent);
    this.#clock.after(AGENT_WAITS_MS, () => this.#agents.delete(sid));
  }

  /** The agent no longer waits. */
  take(sid: string): WaitingAgent | undefined {
    const agent = this.#agents.get(sid);
    this.#agents.delete(sid);
    return agent;
  }
}
