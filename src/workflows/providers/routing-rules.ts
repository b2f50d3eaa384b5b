import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { refuseUnknownCurrency } from '../known-currency.ts';
import type { RoutedProvider, RoutingRuleRequest } from './contract.ts';
import type { ProviderRecord } from './provider-store.ts';
import type { RoutingRule } from './routing.ts';

/**
 * A rule as it is stored. Throws `routing_provider_unknown`, `routing_modes_mixed`, `currency_unknown` or
 * `routing_amount_unclear`. Rules may overlap: the first that matches wins.
 */
export function checkRule(
  request: RoutingRuleRequest,
  position: number,
  providers: readonly Pick<ProviderRecord, 'id' | 'mode'>[],
  installed: Pick<RoutedProvider, 'id' | 'mode'> | undefined,
): RoutingRule {
  const known = installed === undefined ? providers : [...providers, installed];
  for (const id of request.providers) {
    const provider = known.find((each) => each.id === id);
    if (provider === undefined) {
      throw new HushtoneError(
        'routing_provider_unknown',
        'invalid',
        `rules/${position} names a provider that the account does not have.`,
      );
    }
    if (provider.mode !== request.mode) {
      throw new HushtoneError(
        'routing_modes_mixed',
        'invalid',
        `rules/${position} is for the mode ${request.mode} and names a provider of the mode ${provider.mode}.`,
      );
    }
  }
  const { amount_from: from, amount_to: to, currencies = [] } = request;
  for (const [index, currency] of currencies.entries()) {
    refuseUnknownCurrency(currency, `rules/${position}/currencies/${index}`);
  }
  if ((from !== undefined || to !== undefined) && currencies.length === 0) {
    throw new HushtoneError(
      'routing_amount_unclear',
      'invalid',
      `rules/${position} has an amount and no currency: minor units are worth nothing without one.`,
    );
  }
  if (from !== undefined && to !== undefined && from > to) {
    throw new HushtoneError(
      'routing_amount_unclear',
      'invalid',
      `rules/${position} begins above the amount where it ends.`,
    );
  }
  return {
    id: newId('rule'),
    mode: request.mode,
    currencies,
    brands: request.brands ?? [],
    purposes: request.purposes ?? [],
    amountFrom: from ?? null,
    amountTo: to ?? null,
    providers: request.providers,
  };
}
