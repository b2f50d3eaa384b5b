export type FieldName = 'card_number' | 'expiry' | 'security_code' | 'postal_code' | 'pin';

interface FieldLimits {
  readonly shortest: number;
  readonly longest: number;
  /** May a capture narrow the lengths? Not where the card schemes set them. */
  readonly narrowable: boolean;
}

/**
 * How many digits a field can hold.
 *
 * - `card_number`: ISO/IEC 7812-1 allows 19; 12 is the shortest that a known brand issues.
 * - `expiry`: MMYY.
 * - `security_code`: 3 or 4 by brand.
 * - `postal_code`: codes that are digits only have 3 (Iceland) to 10 (Iran).
 * - `pin`: ISO 9564-1, 4 to 12.
 */
export const FIELD_LIMITS: Readonly<Record<FieldName, FieldLimits>> = {
  card_number: { shortest: 12, longest: 19, narrowable: false },
  expiry: { shortest: 4, longest: 4, narrowable: false },
  security_code: { shortest: 3, longest: 4, narrowable: false },
  postal_code: { shortest: 3, longest: 10, narrowable: true },
  pin: { shortest: 4, longest: 12, narrowable: true },
};

export const FIELD_NAMES: readonly FieldName[] = Object.keys(FIELD_LIMITS) as FieldName[];

/**
 * Why what was keyed was not taken.
 *
 * - `too_short`, `brand_unknown`, `brand_not_accepted`, `length_for_brand`, `luhn`: the card number, and `too_short`
 *   every field.
 * - `month`, `expired`, `too_far_ahead`: the expiry date.
 * - `security_code_length`: it was taken before the brand was known and does not fit it. Counts as no attempt.
 * - `timed_out`: the caller stopped in mid-field.
 * - `interrupted`: digits may have been lost while masking was interrupted. Counts as no attempt.
 */
export type FieldReason =
  | 'too_short'
  | 'brand_unknown'
  | 'brand_not_accepted'
  | 'length_for_brand'
  | 'luhn'
  | 'month'
  | 'expired'
  | 'too_far_ahead'
  | 'security_code_length'
  | 'timed_out'
  | 'interrupted';
