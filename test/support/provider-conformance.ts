import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { Bench } from './conformance/bench.ts';
import { describeFailures } from './conformance/failures.ts';
import { describeLife } from './conformance/life.ts';
import { describeLookups } from './conformance/lookups.ts';
import { describeModifications } from './conformance/modifications.ts';
import { describePayments } from './conformance/payments.ts';
import type { ConformanceDouble, ConformanceSubject } from './conformance/subject.ts';

export type {
  ConformanceDouble,
  ConformanceSubject,
  ConnectWishes,
  RawRequest,
} from './conformance/subject.ts';

/**
 * The suite that every payment provider passes, with a strict double of the provider behind real TLS. What a provider
 * says that it cannot do, its capabilities, is shown to be refused.
 */
export function describeConformance<D extends ConformanceDouble>(subject: ConformanceSubject<D>): void {
  describe(`${subject.name}, as every provider`, () => {
    let bench: Bench<D> | undefined;
    const theBench = (): Bench<D> => {
      if (bench === undefined) throw new Error('the double has not started');
      return bench;
    };

    beforeAll(async () => {
      bench = new Bench(subject, await subject.startDouble());
    });
    afterEach(() => theBench().finish());
    afterAll(() => bench?.double.close());

    describe('takes payments', () => {
      describePayments(subject, theBench);
    });
    describe('when something fails', () => {
      describeFailures(subject, theBench);
    });
    describe('is asked later', () => {
      describeLookups(subject, theBench);
    });
    describe('changes payments', () => {
      describeModifications(subject, theBench);
    });
    describe('checks and closes', () => {
      describeLife(subject, theBench);
    });
  });
}
