import { HushtoneError } from '../../kernel/errors.ts';
import type { Calls, CallSnapshot } from '../../telephony/contract.ts';
import type { Actor, CaptureRequest } from '../contract.ts';
import { reachesCall } from '../reach.ts';

/** The connected call that is asked for. Throws `call_ambiguous`, `call_not_found` or `call_not_connected`. */
export function askedCall(calls: Calls, actor: Actor, request: CaptureRequest): CallSnapshot {
  const { call_id: callId, agent_id: agentId } = request;
  if ((callId === undefined) === (agentId === undefined)) {
    throw new HushtoneError('call_ambiguous', 'invalid', 'Name the call by call_id or by agent_id.');
  }
  const call = callId === undefined ? calls.ofAgent(actor.accountId, agentId ?? '') : calls.get(callId);
  if (
    call === undefined ||
    call.accountId !== actor.accountId ||
    call.state === 'ended' ||
    !reachesCall(actor, call)
  ) {
    const what = callId === undefined ? 'The agent is on no call.' : 'There is no such live call.';
    throw new HushtoneError('call_not_found', 'not_found', what);
  }
  if (call.state !== 'connected') {
    throw new HushtoneError('call_not_connected', 'conflict', 'The call is not connected yet.');
  }
  return call;
}
