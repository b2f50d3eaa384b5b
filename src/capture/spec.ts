import { BRANDS, type Brand } from '../cards/brands.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { FIELD_LIMITS, FIELD_NAMES, type FieldName } from './fields.ts';

export interface FieldSpec {
  readonly field: FieldName;
  /** True when absent. Without a required field the capture does not get ready. */
  readonly required?: boolean;
  /** How often the caller may key it wrong before the capture fails, 1 to 10; 3 when absent. */
  readonly maxAttempts?: number;
  /** Digits, for `postal_code` (3 to 10) and `pin` (4 to 12) only. Equal lengths let the field end by itself. */
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** What a capture collects and how. */
export interface CaptureSpec {
  /** One to five different ones, in the order that `autoAdvance` follows. At least one is required. */
  readonly fields: readonly FieldSpec[];
  /** Focus the first field that is not accepted, at the start and after each accepted one. */
  readonly autoAdvance: boolean;
  /** Submit as soon as the capture is ready. */
  readonly autoSubmit: boolean;
  /** Every known brand when absent. */
  readonly acceptedBrands?: readonly Brand[];
  /** Of a card that is known already: it decides the length of the security code. Not together with `card_number`. */
  readonly cardBrand?: Brand;
  /** How long the caller may pause between two digits of a field, 500 to 60,000 ms. */
  readonly interDigitTimeoutMs: number;
  /** From the request for masking to the submission, 1,000 to 3,600,000 ms. */
  readonly overallTimeoutMs: number;
}

/** A `FieldSpec` with every default filled in. */
export interface FieldRule {
  readonly field: FieldName;
  readonly required: boolean;
  readonly maxAttempts: number;
  readonly minLength: number;
  readonly maxLength: number;
}

/** A checked `CaptureSpec`. */
export interface CaptureRules {
  readonly fields: readonly FieldRule[];
  readonly autoAdvance: boolean;
  readonly autoSubmit: boolean;
  readonly acceptedBrands: readonly Brand[];
  readonly cardBrand?: Brand;
  readonly interDigitTimeoutMs: number;
  readonly overallTimeoutMs: number;
}

const DEFAULT_ATTEMPTS = 3;
const MOST_ATTEMPTS = 10;
const INTER_DIGIT_MS = { shortest: 500, longest: 60_000 };
const OVERALL_MS = { shortest: 1_000, longest: 3_600_000 };

/** Checks a spec and fills in its defaults. Throws `invalid_capture_spec`, with what is wrong as its message. */
export function rulesOf(spec: CaptureSpec): CaptureRules {
  const names = spec.fields.map(({ field }) => field);
  demand(names.length >= 1 && names.length <= FIELD_NAMES.length, 'a capture has one to five fields');
  demand(
    names.every((name) => FIELD_NAMES.includes(name)),
    'a field is not known',
  );
  demand(new Set(names).size === names.length, 'a field is named twice');
  const fields = spec.fields.map(fieldRule);
  demand(
    fields.some(({ required }) => required),
    'at least one field is required',
  );
  const acceptedBrands = spec.acceptedBrands ?? BRANDS;
  demand(
    acceptedBrands.length > 0 && acceptedBrands.every((brand) => BRANDS.includes(brand)),
    'acceptedBrands is empty or names a brand that is not known',
  );
  const { cardBrand } = spec;
  demand(
    cardBrand === undefined || (BRANDS.includes(cardBrand) && !names.includes('card_number')),
    'cardBrand is not known, or goes with a card number that is captured',
  );
  demandWithin(spec.interDigitTimeoutMs, INTER_DIGIT_MS, 'interDigitTimeoutMs');
  demandWithin(spec.overallTimeoutMs, OVERALL_MS, 'overallTimeoutMs');
  return {
    fields,
    autoAdvance: spec.autoAdvance,
    autoSubmit: spec.autoSubmit,
    acceptedBrands: [...acceptedBrands],
    ...(cardBrand !== undefined && { cardBrand }),
    interDigitTimeoutMs: spec.interDigitTimeoutMs,
    overallTimeoutMs: spec.overallTimeoutMs,
  };
}

function fieldRule(spec: FieldSpec): FieldRule {
  const { field, required = true, maxAttempts = DEFAULT_ATTEMPTS } = spec;
  const limits = FIELD_LIMITS[field];
  const { minLength = limits.shortest, maxLength = limits.longest } = spec;
  demandWithin(maxAttempts, { shortest: 1, longest: MOST_ATTEMPTS }, 'maxAttempts');
  demand(
    limits.narrowable || (spec.minLength === undefined && spec.maxLength === undefined),
    `the length of ${field} cannot be set`,
  );
  demandWithin(minLength, limits, 'minLength');
  demandWithin(maxLength, limits, 'maxLength');
  demand(minLength <= maxLength, 'minLength is more than maxLength');
  return { field, required, maxAttempts, minLength, maxLength };
}

function demandWithin(value: number, limits: { shortest: number; longest: number }, name: string): void {
  const { shortest, longest } = limits;
  demand(
    Number.isInteger(value) && value >= shortest && value <= longest,
    `${name} must be a whole number from ${shortest} to ${longest}`,
  );
}

function demand(holds: boolean, message: string): void {
  if (!holds) throw new HushtoneError('invalid_capture_spec', 'invalid', message);
}
