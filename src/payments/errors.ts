import { HushtoneError } from '../kernel/errors.ts';
import type { ProviderFailure } from './contract.ts';

/** A provider gave no outcome; `failure` says whether the request may have arrived. */
export class ProviderError extends HushtoneError {
  readonly failure: ProviderFailure;

  constructor(failure: ProviderFailure, message: string, options?: { cause?: unknown }) {
    super(`provider_${failure}`, failure === 'invalid_request' ? 'invalid' : 'unavailable', message, options);
    this.name = 'ProviderError';
    this.failure = failure;
  }
}
