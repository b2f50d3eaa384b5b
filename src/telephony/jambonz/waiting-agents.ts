import type { Session } from '@jambonz/node-client-ws/lib/client.js';
import type { Clock, Timer } from '../../kernel/clock.ts';
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
  readonly #agents = new Map<string, { readonly agent: WaitingAgent; readonly timer: Timer }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(sid: string, agent: WaitingAgent): void {
    this.#agents.get(sid)?.timer.cancel();
    const timer = this.#clock.after(AGENT_WAITS_MS, () => this.#agents.delete(sid));
    this.#agents.set(sid, { agent, timer });
  }

  /** The agent no longer waits. */
  take(sid: string): WaitingAgent | undefined {
    const waiting = this.#agents.get(sid);
    waiting?.timer.cancel();
    this.#agents.delete(sid);
    return waiting?.agent;
  }
}
