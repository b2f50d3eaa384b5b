import type { CallEnd, Route } from '../contract.ts';
import type { BridgeFlow } from './bridge-flow.ts';
import { declineFor, endOfUnansweredAgent, isFinal } from './call-status.ts';
import type { LiveCall } from './live-call.ts';
import type { SessionFrame } from './session-frame.ts';
import { DIAL_DONE_HOOK, dialVerbs, refuseCaller } from './verbs.ts';
import type { Verb } from './verbs.ts';

/** Calls whose legs jambonz bridges with a `dial` verb. All events come on the caller's socket. */
export class DialFlow implements BridgeFlow {
  readonly #agentTimeoutSeconds: number;

  constructor(agentTimeoutSeconds: number) {
    this.#agentTimeoutSeconds = agentTimeoutSeconds;
  }

  answer(call: LiveCall, route: Route): Verb[] {
    return dialVerbs(route, call.snapshot().from, this.#agentTimeoutSeconds);
  }

  callerStatus(): void {}

  agentStatus(call: LiveCall, status: SessionFrame): void {
    const { call_sid: sid, call_id: callId, call_status: state } = status.data;
    if (typeof sid !== 'string') return;
    if (isFinal(state)) {
      // The caller's own end is reported first: what comes here with the call still up is the agent's doing.
      if (call.state === 'connected' && sid === call.agentCallSid) call.ended('agent_hung_up');
      return;
    }
    call.agentLeg(sid, typeof callId === 'string' ? callId : undefined);
    if (state === 'in-progress') call.connected();
  }

  hook(call: LiveCall, hook: SessionFrame): Verb[] {
    if (hook.hook !== DIAL_DONE_HOOK) return [];
    const { call_status: caller, dial_call_status: agent } = hook.data;
    if (isFinal(caller)) {
      call.ended('caller_hung_up');
      return [];
    }
    const wasConnected = call.snapshot().connectedAt !== undefined;
    const end: CallEnd = wasConnected ? 'agent_hung_up' : endOfUnansweredAgent(agent);
    call.ended(end);
    return refuseCaller(caller === 'in-progress', declineFor(end));
  }

  resumed(): void {}
}
