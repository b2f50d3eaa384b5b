import type { CardDetails, ProviderCapabilities } from './contract.ts';
import { refuseEcho } from './echo.ts';
import { exchangeWith } from './transport/exchange.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport/transport.ts';

/**
 * What a provider can do that takes cards and cannot be asked for anything later: it changes no payment and gives no card
 * back to charge. The same request under the same key is what finds a lost answer.
 */
export const TAKES_CARDS_ONLY = {
  modifications: [],
  partialAmounts: false,
  storedCards: false,
  pin: false,
  recovery: 'replay',
  absenceProvenAfterMs: 24 * 60 * 60_000, // never asked: a look-up proves nothing here
} as const satisfies Partial<ProviderCapabilities>;

/** As `exchangeWith`, for a body with a card in it: an answer that repeats its number is refused as none. */
export async function exchangeCard(
  transport: Transport,
  request: TransportRequest,
  card: CardDetails,
  provider: string,
): Promise<TransportAnswer> {
  const answer = await exchangeWith(transport, request, provider);
  refuseEcho(answer.body, card);
  return answer;
}
