import type { Reach } from '../kernel/reach.ts';
import type { Actor } from './contract.ts';

/** What decides whether a capture is within someone's reach. */
export interface CaptureOwnership {
  /** The agent on the capture's call. */
  readonly agentId: string;
  /** The grant that it was started with. */
  readonly grantId?: string;
  readonly ended: boolean;
}

const REACHES: Readonly<Record<Reach, (actor: Actor, capture: CaptureOwnership) => boolean>> = {
  account: () => true,
  running: (_actor, { ended }) => !ended,
  own: ({ subject }, { agentId }) => agentId === subject,
  grant: (actor, { grantId }) => actor.grantId !== undefined && grantId === actor.grantId,
};

/** Of captures of the actor's own account only: that is for the database to see to. */
export function reachesCapture(actor: Actor, capture: CaptureOwnership): boolean {
  return actor.reach.some((reach) => REACHES[reach](actor, capture));
}

/** Of calls of the actor's own account only. A grant is for captures: it reaches the call of its agent, to start one. */
export function reachesCall(actor: Actor, call: { readonly agentId: string }): boolean {
  return actor.reach.some(
    (reach) => reach === 'account' || (reach !== 'running' && call.agentId === actor.subject),
  );
}
