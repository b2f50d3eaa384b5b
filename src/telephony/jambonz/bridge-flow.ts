import type { Route } from '../contract.ts';
import type { LiveCall } from './live-call.ts';
import type { SessionFrame } from './session-frame.ts';
import type { SessionSocket } from './session-socket.ts';
import type { Verb } from './verbs.ts';

/** What a bridge does with the events of a call. No method throws. */
export interface BridgeFlow {
  /** The reply to the caller's `session:new`. */
  answer(call: LiveCall, route: Route): Verb[];
  /** `call:status` of the caller's leg, before it is known whether it ends the call. */
  callerStatus(call: LiveCall, status: SessionFrame): void;
  /** `call:status` of any other leg of the call. `socket` is where it came, unless it came over http. */
  agentStatus(call: LiveCall, status: SessionFrame, socket: SessionSocket | undefined): void;
  hook(call: LiveCall, hook: SessionFrame): Verb[];
  /** The control of a call is back, and its agent leg is not known. */
  resumed(call: LiveCall): void;
}
