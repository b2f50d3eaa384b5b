import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BRANDS } from '../../../src/cards/brands.ts';
import type { CaptureEvent } from '../../../src/capture/events.ts';
import { FIELD_NAMES, type FieldName } from '../../../src/capture/fields.ts';
import type { CaptureSpec, FieldSpec } from '../../../src/capture/spec.ts';
import { PUBLISHED } from '../cards/published.ts';
import { specOf } from './driver.ts';
import { keysOf, Observer, type Step } from './observer.ts';

const field = fc.constantFrom(...FIELD_NAMES);
/** The observer puts its own time in. */
const at = new Date(0);

const published = fc.constantFrom(...Object.values(PUBLISHED).flat());

const keyRun = fc.oneof(
  published.map(keysOf),
  fc.constantFrom([1, 2, 3, 0], [0, 6, 2, 6], [1, 3, 3, 0], [1, 2, 3], [9, 0, 2, 1, 0], [1, 2, 3, 4, 5, 6]),
  fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 22 }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: published.map((number) => ({ type: 'obey' as const, number })) },
  {
    weight: 12,
    arbitrary: fc.tuple(keyRun, fc.boolean()).map(([keys, hash]) => ({
      type: 'keys' as const,
      keys: hash ? [...keys, 11] : keys,
    })),
  },
  { weight: 4, arbitrary: field.map((name) => ({ type: 'focus' as const, field: name })) },
  {
    weight: 8,
    arbitrary: fc.constantFrom<CaptureEvent>(
      { type: 'pause' },
      { type: 'resume' },
      { type: 'submit' },
      { type: 'inter_digit_timeout', at },
      { type: 'masking_restored' },
      { type: 'secured' },
      { type: 'masking_interrupted', reason: 'listen_lost' },
    ),
  },
  { weight: 2, arbitrary: field.map((name) => ({ type: 'clear' as const, field: name })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<CaptureEvent>(
      { type: 'secure_requested' },
      { type: 'cancel' },
      { type: 'overall_timeout' },
      { type: 'masking_failed', failure: 'masking_lost' },
      { type: 'call_ended', end: 'caller_hung_up' },
      { type: 'provider_succeeded' },
      { type: 'provider_declined', reason: 'generic_decline' },
      { type: 'provider_failed', reason: 'unavailable' },
      { type: 'process_lost' },
      { type: 'internal_error' },
    ),
  },
);

const fieldSpec = (name: FieldName): fc.Arbitrary<FieldSpec> =>
  fc.record({
    field: fc.constant(name),
    required: fc.boolean(),
    maxAttempts: fc.integer({ min: 1, max: 10 }),
  });

const spec: fc.Arbitrary<CaptureSpec> = fc
  .tuple(
    fc
      .shuffledSubarray([...FIELD_NAMES], { minLength: 1 })
      .chain((names) => fc.tuple(...names.map(fieldSpec))),
    fc.boolean(),
    fc.boolean(),
    fc.shuffledSubarray([...BRANDS], { minLength: 5 }),
  )
  .filter(([fields]) => fields.some(({ required }) => required === true))
  .map(([fields, autoAdvance, autoSubmit, acceptedBrands]) =>
    specOf(fields, { autoAdvance, autoSubmit, acceptedBrands }),
  );

describe('any sequence of events', () => {
  it('keeps every rule of a capture', () => {
    const reached = new Set<string>();
    const steps = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 6000 })), { maxLength: 40 });
    fc.assert(
      fc.property(spec, fc.boolean(), steps, (captureSpec, secured, events) => {
        const observer = new Observer(captureSpec);
        if (secured) {
          observer.take({ type: 'secure_requested' }, 0);
          observer.take({ type: 'secured' }, 0);
        }
        for (const [event, pauseMs] of events) {
          observer.take(event, pauseMs);
          reached.add(observer.state.status);
        }
        observer.take({ type: 'submit' }, 0);
        observer.take({ type: 'provider_succeeded' }, 0);
        reached.add(observer.state.status);
      }),
      { numRuns: 300 },
    );
    // A property that never gets anywhere proves nothing.
    expect([...reached].sort()).toEqual(
      expect.arrayContaining(['collecting', 'failed', 'processing', 'ready', 'succeeded']),
    );
  });
});
