import type { EvidenceResource } from '../../src/workflows/contract.ts';
import type { Timeline } from './timeline.ts';

type Step = EvidenceResource['steps'][number];

const MEANINGS: Readonly<Record<Step['step'], string>> = {
  requested: 'is asked to mask the call',
  recording_stopped: 'stops the recording',
  listening: 'listens to the caller',
  locked: 'LOCK closed: no digit event passes to the agent',
  guard_closed: 'GUARD closed: the agent does not hear the caller',
  verified: 'has asked whether both stand',
  secured: 'masking is confirmed: digits are accepted from now on',
  guard_opened: 'GUARD opened: the agent hears the caller',
  doubt: 'is in doubt',
  interrupted: 'masking is interrupted: no digit is accepted',
  restored: 'masking is restored',
  breached: 'MASKING BREACHED: a digit was heard on the agent’s leg',
  released: 'LOCK and guard opened: the capture is over',
  recording_started: 'starts the recording again',
  failed: 'masking failed',
};

/** The gateway's own record of the masking, as an assessor gets it. `createdAtMs` is when the capture was asked for. */
export function tellEvidence(evidence: EvidenceResource, createdAtMs: number, timeline: Timeline): void {
  for (const { at_ms: atMs, step, detail } of evidence.steps) {
    const why = detail === undefined ? '' : ` (${detail})`;
    timeline.add(createdAtMs + atMs, 'gateway', `+${Math.round(atMs)} ms  ${MEANINGS[step]}${why}`);
  }
}
