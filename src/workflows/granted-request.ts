import { isDeepStrictEqual } from 'node:util';
import { HushtoneError } from '../kernel/errors.ts';
import type { CaptureRequest } from './contract.ts';
import type { Grant } from './stores/grant-store.ts';

/**
 * A request for a capture, bound to what a grant allows: what the request leaves out is the grant's, and what it says
 * must be the grant's. What the grant itself leaves open is the request's, but for a stored card and the mode. Throws `grant_mismatch`.
 */
export function grantedRequest(grant: Grant, request: CaptureRequest): CaptureRequest {
  const { agent_id: agentId, call_id: callId, ...order } = request;
  match('agent_id', grant.agentId, agentId);
  match('call_id', grant.callId, callId);
  match('purpose', grant.purpose, request.purpose);
  match('amount', grant.amount, request.amount);
  match('fields', grant.fields, request.fields);
  // Whoever holds a grant could otherwise charge any card of the account, or show a test for a payment.
  for (const member of ['token', 'mode'] as const) {
    if (request[member] !== undefined) throw mismatch(member);
  }
  const call = callId ?? grant.callId;
  return {
    ...order,
    ...(call === undefined ? { agent_id: grant.agentId } : { call_id: call }),
    ...(grant.amount && { amount: grant.amount }),
    ...(grant.fields && { fields: grant.fields }),
  };
}

function match(member: string, granted: unknown, asked: unknown): void {
  if (granted === undefined || asked === undefined || isDeepStrictEqual(granted, asked)) return;
  throw mismatch(member);
}

function mismatch(member: string): HushtoneError {
  return new HushtoneError('grant_mismatch', 'forbidden', `The capture grant is for another ${member}.`);
}

/** Revoked, expired, or another agent's: a token of it is worth nothing. */
export function grantEnded(): HushtoneError {
  return new HushtoneError('grant_ended', 'unauthenticated', 'The capture grant has ended.');
}
