import type { AdyenCard } from './card.ts';

/** What Adyen answers for a card. */
export interface Decision {
  readonly resultCode: string;
  readonly refusalReason?: string;
  readonly refusalReasonCode?: string;
}

/**
 * What becomes of published test numbers.
 *
 * Adyen itself lets a test choose a refusal by the holder's name, which a telephone payment does not have. So these are
 * the numbers that other providers publish for each decline, with Adyen's code for it, and the number that Adyen
 * publishes for a card that wants 3-D Secure.
 */
export const DECIDED: Readonly<Record<string, Decision>> = {
  '4000000000000002': { resultCode: 'Refused', refusalReason: 'Refused', refusalReasonCode: '2' },
  '4000000000009995': { resultCode: 'Refused', refusalReason: 'Not enough balance', refusalReasonCode: '12' },
  '4000000000009987': { resultCode: 'Refused', refusalReason: 'Blocked Card', refusalReasonCode: '5' },
  '4000000000009979': { resultCode: 'Refused', refusalReason: 'Blocked Card', refusalReasonCode: '5' },
  '4100000000000019': { resultCode: 'Refused', refusalReason: 'FRAUD', refusalReasonCode: '20' },
  '4000000000000069': { resultCode: 'Refused', refusalReason: 'Expired Card', refusalReasonCode: '6' },
  '4000000000000127': { resultCode: 'Refused', refusalReason: 'CVC Declined', refusalReasonCode: '24' },
  '4000000000000119': { resultCode: 'Error', refusalReason: 'Acquirer Error', refusalReasonCode: '4' },
  '4212345678910006': { resultCode: 'RedirectShopper' },
};

/** Decides as an issuer would. A card is good until the end of its month, UTC. */
export function decide({ cardNumber, expiry }: AdyenCard, now: Date): Decision {
  const [month, year] = [Number(expiry.slice(0, 2)), 2000 + Number(expiry.slice(2))];
  if (now.getTime() >= Date.UTC(year, month, 1)) {
    return { resultCode: 'Refused', refusalReason: 'Expired Card', refusalReasonCode: '6' };
  }
  return DECIDED[cardNumber] ?? { resultCode: 'Authorised' };
}
