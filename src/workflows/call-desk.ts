import { HushtoneError } from '../kernel/errors.ts';
import type { Calls, CallSnapshot } from '../telephony/contract.ts';
import type { CallDesk, CallResource } from './contract.ts';

/** Most calls that one answer lists. */
const MOST_CALLS = 1000;

/** All but the last four digits of a telephone number as dots, the leading `+` kept. */
export function maskNumber(number: string): string {
  const digits = number.replaceAll(/[^0-9]/g, '');
  const plus = number.startsWith('+') ? '+' : '';
  return `${plus}${'•'.repeat(Math.max(0, digits.length - 4))}${digits.slice(-4)}`;
}

export function callResource(call: CallSnapshot): CallResource {
  return {
    id: call.callId,
    state: call.state,
    bridge: call.bridge,
    from: maskNumber(call.from),
    to: call.to,
    agent_id: call.agentId,
    transport: call.transport,
    masked: call.masked,
    started_at: call.startedAt.toISOString(),
    ...(call.connectedAt && { connected_at: call.connectedAt.toISOString() }),
  };
}

/** `isCaptured` tells whether a capture runs on a call: its lock is not to be opened from outside. */
export function createCallDesk(calls: Calls, isCaptured: (callId: string) => boolean): CallDesk {
  return {
    list: (actor) =>
      calls
        .list(actor.accountId)
        .filter((call) => call.state !== 'ended')
        .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime())
        .slice(0, MOST_CALLS)
        .map(callResource),
    async release(actor, callId) {
      const call = calls.get(callId);
      if (call === undefined || call.accountId !== actor.accountId || call.state === 'ended') {
        throw new HushtoneError('call_not_found', 'not_found', 'There is no such live call.');
      }
      if (isCaptured(callId)) {
        throw new HushtoneError(
          'capture_running',
          'conflict',
          'A capture runs on this call: cancel it instead.',
        );
      }
      await calls.release(callId);
      return callResource(calls.get(callId) ?? call);
    },
  };
}
