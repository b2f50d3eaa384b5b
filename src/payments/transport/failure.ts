import { HushtoneError } from '../../kernel/errors.ts';
import type { ProviderFailure } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { TransportError } from './transport.ts';

/**
 * What a status (RFC 9110 section 15, RFC 6585) says of a request that moves money, where the provider has not
 * documented anything else. A conflict (409), a time-out of the server's (408), a 425, a redirection or a server error do
 * not say that nothing was processed.
 */
export function failureOfStatus(status: number): ProviderFailure {
  switch (status) {
    case 401:
    case 403:
      return 'authentication';
    case 408:
    case 409:
    case 425:
      return 'unknown_outcome';
    case 429:
      return 'rate_limited';
    default:
      return status >= 400 && status < 500 ? 'invalid_request' : 'unknown_outcome';
  }
}

/** What could not be sent; the transport tells of it before it connects. */
const NEVER_SENT: Readonly<Record<string, string>> = {
  request_body: 'the card details are malformed',
  request_header: 'the request is malformed',
  secret_wiped: 'the card details are malformed',
};

/** What an exchange without an answer says. `provider` begins the sentence: `Stripe`, `the provider`. */
export function failureOfExchange(error: unknown, provider = 'the provider'): ProviderError {
  const malformed =
    error instanceof HushtoneError && Object.hasOwn(NEVER_SENT, error.code)
      ? NEVER_SENT[error.code]
      : undefined;
  if (malformed !== undefined) return new ProviderError('invalid_request', malformed, { cause: error });
  return error instanceof TransportError && !error.mayHaveArrived
    ? new ProviderError('unavailable', `${provider} cannot be reached`, { cause: error })
    : new ProviderError('unknown_outcome', `${provider} did not answer`, { cause: error });
}
