import type { Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { RoutingQuestion } from './contract.ts';

/** Where payments go that fit all of its conditions. */
export interface RoutingRule {
  readonly id: string;
  readonly mode: Mode;
  /** Of these three empty means any. */
  readonly currencies: readonly string[];
  readonly brands: readonly string[];
  readonly purposes: readonly Purpose[];
  /** In minor units, both included; only together with currencies. */
  readonly amountFrom: number | null;
  readonly amountTo: number | null;
  /** Ids of providers; the first is asked first. */
  readonly providers: readonly string[];
}

/** What is not known of a payment (the amount of `tokenize`, the brand before it is keyed) fits no condition on it. */
export function matches(rule: RoutingRule, { mode, purpose, amount, brand }: RoutingQuestion): boolean {
  const fits = (allowed: readonly string[], value: string | undefined): boolean =>
    allowed.length === 0 || (value !== undefined && allowed.includes(value));
  return (
    rule.mode === mode &&
    fits(rule.purposes, purpose) &&
    fits(rule.currencies, amount?.currency) &&
    fits(rule.brands, brand) &&
    (rule.amountFrom === null || (amount !== undefined && amount.value >= rule.amountFrom)) &&
    (rule.amountTo === null || (amount !== undefined && amount.value <= rule.amountTo))
  );
}

/**
 * Ids of the providers to ask, in order: those of the first rule that matches, and nobody else's; without such a rule
 * `otherwise`, the account's providers in the order of their creation.
 */
export function choose(
  rules: readonly RoutingRule[],
  question: RoutingQuestion,
  otherwise: readonly string[],
): readonly string[] {
  return rules.find((rule) => matches(rule, question))?.providers ?? otherwise;
}
