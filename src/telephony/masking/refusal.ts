import { HushtoneError } from '../../kernel/errors.ts';
import type { MaskingEvidence, MaskingFailure, MaskingRefusal } from '../contract.ts';

const MESSAGES: Readonly<Record<MaskingFailure, string>> = {
  masking_unavailable: 'masking could not be confirmed',
  masking_lost: 'masking was lost',
  masking_breached: 'a digit was heard on the agent leg',
};

/** Masking was refused; what was tried is in the evidence. */
export class MaskingRefused extends HushtoneError implements MaskingRefusal {
  readonly failure: MaskingFailure;
  readonly evidence: MaskingEvidence;
  /**
   * Resolves when what was done is undone, or will be tried again by the call. Until then an opening is under way:
   * nothing else may be masked on this call.
   */
  readonly undone: Promise<void>;

  constructor(
    failure: MaskingFailure,
    evidence: MaskingEvidence,
    undone: Promise<void>,
    options?: { cause?: unknown },
  ) {
    super(failure, 'unavailable', MESSAGES[failure], options);
    this.failure = failure;
    this.evidence = evidence;
    this.undone = undone;
  }
}
