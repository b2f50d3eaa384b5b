import { failureOfExchange } from './failure.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport.ts';

/**
 * One exchange in the words of the contract: rejects with a `ProviderError` when there is no answer, never for a status.
 * `provider` begins its sentence: `Stripe`, `the connector`.
 */
export async function exchangeWith(
  transport: Transport,
  request: TransportRequest,
  provider?: string,
): Promise<TransportAnswer> {
  try {
    return await transport.exchange(request);
  } catch (error) {
    throw failureOfExchange(error, provider);
  }
}
