import { HushtoneError } from '../../kernel/errors.ts';
import type { Purpose } from '../../payments/contract.ts';
import type { ProviderDirectory, RoutedProvider, RoutingQuestion } from '../providers/contract.ts';

const PURPOSES: readonly Purpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];

/**
 * The providers that may take a payment, the preferred one first, at least one. Throws `provider_not_configured`, or
 * `purpose_not_supported` and `pin_not_supported` where that is what keeps the account's providers from taking it.
 */
export async function providersFor(
  directory: ProviderDirectory,
  accountId: string,
  question: RoutingQuestion,
): Promise<readonly RoutedProvider[]> {
  const routed = await directory.route(accountId, question);
  if (routed.length > 0) return routed;
  const { pin, ...plain } = question;
  if (pin === true && (await directory.route(accountId, plain)).length > 0) {
    throw new HushtoneError('pin_not_supported', 'invalid', 'The payment provider takes no PIN.');
  }
  for (const purpose of PURPOSES) {
    if ((await directory.route(accountId, { ...plain, purpose })).length === 0) continue;
    throw new HushtoneError(
      'purpose_not_supported',
      'invalid',
      `The payment provider does not offer ${question.purpose}.`,
    );
  }
  throw noProvider();
}

/** For an operation that needs a provider where none is configured. */
export function noProvider(): HushtoneError {
  return new HushtoneError('provider_not_configured', 'unavailable', 'No payment provider is configured.');
}
