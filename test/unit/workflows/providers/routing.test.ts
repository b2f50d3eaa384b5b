import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RoutingQuestion } from '../../../../src/workflows/providers/contract.ts';
import { choose, matches, type RoutingRule } from '../../../../src/workflows/providers/routing.ts';

const ANY: RoutingRule = {
  id: 'rule_any',
  mode: 'test',
  currencies: [],
  brands: [],
  purposes: [],
  amountFrom: null,
  amountTo: null,
  providers: ['prv_any'],
};

const euros = (value: number): RoutingQuestion => ({
  mode: 'test',
  purpose: 'charge',
  amount: { value, currency: 'EUR' },
  brand: 'visa',
});

describe('a rule', () => {
  test.each<[string, Partial<RoutingRule>, RoutingQuestion, boolean]>([
    ['without conditions matches', {}, euros(1), true],
    ['is for its mode', { mode: 'live' }, euros(1), false],
    ['is for its currencies', { currencies: ['EUR', 'USD'] }, euros(1), true],
    ['is for no other currency', { currencies: ['USD'] }, euros(1), false],
    ['is for its brands', { brands: ['amex', 'visa'] }, euros(1), true],
    ['is for no other brand', { brands: ['amex'] }, euros(1), false],
    ['is for its purposes', { purposes: ['authorize'] }, euros(1), false],
    ['begins with its amount', { currencies: ['EUR'], amountFrom: 100 }, euros(100), true],
    ['begins not before it', { currencies: ['EUR'], amountFrom: 100 }, euros(99), false],
    ['ends with its amount', { currencies: ['EUR'], amountTo: 100 }, euros(100), true],
    ['ends not after it', { currencies: ['EUR'], amountTo: 100 }, euros(101), false],
    [
      'on an amount is not for a payment without one',
      { currencies: ['EUR'] },
      { mode: 'test', purpose: 'tokenize' },
      false,
    ],
    [
      'on a brand is not for a card of unknown brand',
      { brands: ['visa'] },
      { mode: 'test', purpose: 'charge', amount: { value: 1, currency: 'EUR' } },
      false,
    ],
  ])('%s', (_name, rule, question, expected) => {
    expect(matches({ ...ANY, ...rule }, question)).toBe(expected);
  });
});

const currency = fc.constantFrom('EUR', 'USD', 'JPY');
const brand = fc.constantFrom('visa', 'mastercard', 'amex');
const purpose = fc.constantFrom('charge', 'authorize', 'tokenize', 'charge_and_save');
const mode = fc.constantFrom('test', 'live');
const amount = fc.integer({ min: 1, max: 50 });

const questions: fc.Arbitrary<RoutingQuestion> = fc
  .record({ mode, purpose, brand: fc.option(brand), currency, value: amount })
  .map((made) => ({
    mode: made.mode,
    purpose: made.purpose,
    ...(made.brand !== null && { brand: made.brand }),
    ...(made.purpose !== 'tokenize' && { amount: { value: made.value, currency: made.currency } }),
  }));

const rules: fc.Arbitrary<RoutingRule[]> = fc
  .array(
    fc.record({
      mode,
      currencies: fc.uniqueArray(currency, { maxLength: 2 }),
      brands: fc.uniqueArray(brand, { maxLength: 2 }),
      purposes: fc.uniqueArray(purpose, { maxLength: 3 }),
      amountFrom: fc.option(amount),
      amountTo: fc.option(amount),
      providers: fc.uniqueArray(fc.constantFrom('prv_a', 'prv_b', 'prv_c', 'default'), { minLength: 1 }),
    }),
    { maxLength: 6 },
  )
  .map((made) => made.map((rule, index) => ({ ...rule, id: `rule_${index}` })));

/** The same in other words: every payment that a rule is for, written out as a set. */
function covers(rule: RoutingRule, question: RoutingQuestion): boolean {
  const everything = (values: readonly string[], all: readonly string[]) =>
    new Set<string | undefined>(values.length === 0 ? [...all, undefined] : values);
  const currencies = everything(rule.currencies, ['EUR', 'USD', 'JPY']);
  const brands = everything(rule.brands, ['visa', 'mastercard', 'amex']);
  const purposes = everything(rule.purposes, ['charge', 'authorize', 'tokenize', 'charge_and_save']);
  const amounts = new Set<number | undefined>(
    Array.from({ length: 50 }, (_, index) => index + 1).filter(
      (value) => !(value < (rule.amountFrom ?? 0)) && !(value > (rule.amountTo ?? 50)),
    ),
  );
  if (rule.amountFrom === null && rule.amountTo === null) amounts.add(undefined);
  return (
    question.mode === rule.mode &&
    purposes.has(question.purpose) &&
    currencies.has(question.amount?.currency) &&
    brands.has(question.brand) &&
    amounts.has(question.amount?.value)
  );
}

describe('the choice', () => {
  const OTHERWISE = ['prv_first', 'prv_second'];

  test('is that of the first rule that is for the payment, of no other one', () => {
    let [matched, unmatched] = [0, 0];
    fc.assert(
      fc.property(rules, questions, (list, question) => {
        const expected = list.filter((rule) => covers(rule, question))[0]?.providers;
        if (expected === undefined) unmatched += 1;
        else matched += 1;
        expect(choose(list, question, OTHERWISE)).toEqual(expected ?? OTHERWISE);
      }),
      { numRuns: 2000 },
    );
    // Both happen, or this shows nothing.
    expect(Math.min(matched, unmatched)).toBeGreaterThan(100);
  });

  test('does not depend on rules behind it', () => {
    fc.assert(
      fc.property(rules, rules, questions, (list, more, question) => {
        const chosen = choose(list, question, []);
        const after = choose([...list, ...more], question, []);
        expect(chosen.length === 0 ? [] : after).toEqual(chosen);
      }),
    );
  });

  test('never mixes modes', () => {
    fc.assert(
      fc.property(rules, questions, (list, question) => {
        const other = list.filter((rule) => rule.mode !== question.mode);
        expect(choose(other, question, OTHERWISE)).toBe(OTHERWISE);
      }),
    );
  });
});
