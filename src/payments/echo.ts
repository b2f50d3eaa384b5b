import type { CardDetails } from './contract.ts';
import { ProviderError } from './errors.ts';

/** An answer that repeats the card number is wiped before anything makes text of it, and is no answer. */
export function refuseEcho(body: Buffer, card: CardDetails): void {
  const repeats = card.cardNumber.use(({ buffer, byteOffset, length }) =>
    body.includes(Buffer.from(buffer, byteOffset, length)),
  );
  if (!repeats) return;
  body.fill(0);
  throw new ProviderError('unknown_outcome', 'the provider repeats the card number in its answer');
}
