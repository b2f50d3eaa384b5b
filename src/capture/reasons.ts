/** The codes of how a capture ends. Those of other layers are repeated here, since this one imports none of them. */

/** As the telephone system reports it. */
export type MaskingFailure = 'masking_unavailable' | 'masking_lost' | 'masking_breached';

/** As the telephone system reports it: why digits cannot be heard, or silence is not certain, for now. */
export type MaskingInterruption =
  'listen_lost' | 'media_server_unreachable' | 'leg_renegotiated' | 'control_lost';

/** As the telephone system reports it. */
export type CallEnd = 'caller_hung_up' | 'agent_hung_up' | 'agent_busy' | 'agent_no_answer' | 'failed';

/** Why a provider gave no outcome. */
export type ProviderFailure =
  'invalid_request' | 'authentication' | 'rate_limited' | 'unavailable' | 'unknown_outcome';

/** Why a provider refused. */
export type DeclineReason =
  | 'generic_decline'
  | 'insufficient_funds'
  | 'limit_exceeded'
  | 'expired_card'
  | 'incorrect_number'
  | 'incorrect_security_code'
  | 'incorrect_pin'
  | 'card_not_supported'
  | 'currency_not_supported'
  | 'lost_or_stolen'
  | 'suspected_fraud'
  | 'call_issuer'
  | 'authentication_required'
  | 'not_modifiable'
  | 'processing_error';

/** Why a capture is `failed`. */
export type FailureReason =
  MaskingFailure | `provider_${ProviderFailure}` | 'too_many_attempts' | 'internal_error';

/** The reason of a terminal status: of `failed`, `declined` and `abandoned`, in this order. */
export type EndReason = FailureReason | DeclineReason | CallEnd;
