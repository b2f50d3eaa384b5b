/** Why a command was not carried out. The state is unchanged. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

export type RefusalCode =
  | 'already_started'
  | 'capture_ended'
  | 'masking_interrupted'
  | 'not_ready'
  | 'not_secured'
  | 'processing'
  | 'unknown_field';

const MESSAGES: Readonly<Record<RefusalCode, string>> = {
  already_started: 'The capture was started before.',
  capture_ended: 'The capture has ended.',
  masking_interrupted: 'Masking is interrupted; the capture resumes by itself once it is restored.',
  not_ready: 'A required field is not accepted yet, or a field is being keyed.',
  not_secured: 'Masking is not confirmed yet.',
  processing: 'The provider has the values; the capture ends with its answer.',
  unknown_field: 'The capture has no such field.',
};

export function refusal(code: RefusalCode): Refusal {
  return { code, message: MESSAGES[code] };
}
