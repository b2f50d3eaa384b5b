import type { Clock } from '../../kernel/clock.ts';
import type { LiveCall } from './live-call.ts';

/** An ended call stays visible for a moment, so that an agent sees how it ended; then it is only on record. */
const ENDED_KEPT_MS = 60_000;

/** The calls that this process holds. */
export class CallRegistry {
  readonly #clock: Clock;
  readonly #calls = new Map<string, LiveCall>();
  readonly #bySid = new Map<string, LiveCall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(call: LiveCall): void {
    this.#calls.set(call.callId, call);
    this.#bySid.set(call.callSid, call);
    call.watch({
      legRenegotiated: () => {},
      ended: () => void this.#clock.after(ENDED_KEPT_MS, () => this.remove(call)),
    });
  }

  /** Nothing happens when another object has taken the call's place. */
  remove(call: LiveCall): void {
    if (this.#calls.get(call.callId) === call) this.#calls.delete(call.callId);
    if (this.#bySid.get(call.callSid) === call) this.#bySid.delete(call.callSid);
  }

  get(callId: string): LiveCall | undefined {
    return this.#calls.get(callId);
  }

  /** By jambonz's sid of the caller's leg. */
  bySid(callSid: string | undefined): LiveCall | undefined {
    return callSid === undefined ? undefined : this.#bySid.get(callSid);
  }

  /** By jambonz's sid of the agent's leg. */
  byAgentSid(agentCallSid: string): LiveCall | undefined {
    return this.all().find((call) => call.agentCallSid === agentCallSid);
  }

  all(): LiveCall[] {
    return [...this.#calls.values()];
  }
}
