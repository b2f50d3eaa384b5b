import { brandOf, lengthsOf, longestLengthOf, securityCodeLength, type Brand } from '../cards/brands.ts';
import { expiryFault } from '../cards/expiry.ts';
import { passesLuhn } from '../cards/luhn.ts';
import type { FieldReason } from './fields.ts';
import { fieldOf, type CaptureState, type FieldState } from './state.ts';

/**
 * At how many digits a field ends by itself.
 *
 * A card number ends at its brand's longest length. A Visa that has 16 digits and passes Luhn is not ended there: one
 * in ten 19-digit Visa numbers looks the same at that point, and would be cut. So numbers of brands with more than
 * one length end by `#` or by the inter-digit time-out, and callers are told to press `#`.
 */
export function fullLength(state: CaptureState, field: FieldState): number {
  if (field.rule.field === 'card_number' && field.brand !== undefined) return longestLengthOf(field.brand);
  if (field.rule.field === 'security_code') return expectedSecurityCodeLength(state) ?? field.rule.maxLength;
  return field.rule.maxLength;
}

/** What is wrong with the digits that a field holds, were it to end now; undefined when they can be accepted. */
export function faultOf(state: CaptureState, field: FieldState, at: Date): FieldReason | undefined {
  if (field.digits < field.rule.minLength) return 'too_short';
  switch (field.rule.field) {
    case 'card_number':
      return field.buffer.use((bytes) => cardNumberFault(bytes, state.rules.acceptedBrands));
    case 'expiry':
      return field.buffer.use((bytes) => expiryFault(bytes, at));
    case 'security_code':
      return field.digits < (expectedSecurityCodeLength(state) ?? 0) ? 'too_short' : undefined;
    case 'postal_code':
    case 'pin':
      break;
  }
  return undefined;
}

/** Could this be a card number that only waits for its end? */
export function isWholeCardNumber(state: CaptureState, field: FieldState): boolean {
  return (
    field.rule.field === 'card_number' &&
    field.buffer.use((bytes) => cardNumberFault(bytes, state.rules.acceptedBrands)) === undefined
  );
}

/**
 * Luhn is asked of UnionPay too. Some of its older debit numbers fail it, but so do they at the processors
 * (braintree/braintree_ios#419), and a mis-keyed number is by far the likelier case.
 */
function cardNumberFault(bytes: Uint8Array, acceptedBrands: readonly Brand[]): FieldReason | undefined {
  const brand = brandOf(bytes);
  if (brand === undefined) return 'brand_unknown';
  if (!acceptedBrands.includes(brand)) return 'brand_not_accepted';
  if (!lengthsOf(brand).includes(bytes.length)) return 'length_for_brand';
  return passesLuhn(bytes) ? undefined : 'luhn';
}

/** By the brand of the accepted card number, or of the stored card; undefined (3 or 4 will do) while there is none. */
export function expectedSecurityCodeLength(state: CaptureState): number | undefined {
  const { cardBrand } = state.rules;
  if (cardBrand !== undefined) return securityCodeLength(cardBrand);
  const card = fieldOf(state, 'card_number');
  return card?.status === 'accepted' && card.brand !== undefined ? securityCodeLength(card.brand) : undefined;
}
