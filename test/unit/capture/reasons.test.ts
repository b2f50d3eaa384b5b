import { describe, expectTypeOf, it } from 'vitest';
import type * as capture from '../../../src/capture/reasons.ts';
import type * as payments from '../../../src/payments/contract.ts';
import type * as telephony from '../../../src/telephony/contract.ts';

type Interruption = Parameters<telephony.MaskingListener['interrupted']>[0];

/** Checked by the compiler: a code that is added on one side only does not build. */
describe('the codes that capture repeats', () => {
  it('are those of the telephone system', () => {
    expectTypeOf<capture.MaskingFailure>().toEqualTypeOf<telephony.MaskingFailure>();
    expectTypeOf<capture.MaskingInterruption>().toEqualTypeOf<Interruption>();
    expectTypeOf<capture.CallEnd>().toEqualTypeOf<telephony.CallEnd>();
  });

  it('are those of the providers', () => {
    expectTypeOf<capture.ProviderFailure>().toEqualTypeOf<payments.ProviderFailure>();
    expectTypeOf<capture.DeclineReason>().toEqualTypeOf<payments.DeclineReason>();
  });
});
