import { hasCheckDigit } from '../check-digit.ts';
import { Refusal } from '../route.ts';
import type { Form } from './parameters.ts';
import { errorAnswer } from './refusals.ts';

export interface Card {
  readonly number: string;
  readonly expMonth: number;
  readonly expYear: number;
  readonly cvc?: string;
  readonly postalCode?: string;
}

export interface CardDecline {
  readonly code: string;
  readonly declineCode?: string;
}

/** https://docs.stripe.com/testing, declined payments and fraud prevention. */
const DECLINES: Readonly<Record<string, CardDecline>> = {
  '4000000000000002': { code: 'card_declined', declineCode: 'generic_decline' },
  '4000000000009995': { code: 'card_declined', declineCode: 'insufficient_funds' },
  '4000000000009987': { code: 'card_declined', declineCode: 'lost_card' },
  '4000000000009979': { code: 'card_declined', declineCode: 'stolen_card' },
  '4000000000000069': { code: 'expired_card' },
  '4000000000000127': { code: 'incorrect_cvc' },
  '4000000000000119': { code: 'processing_error' },
  '4000000000006975': { code: 'card_declined', declineCode: 'card_velocity_exceeded' },
  '4100000000000019': { code: 'card_declined', declineCode: 'fraudulent' },
};

/** Wants to be confirmed by the cardholder unless the payment is a telephone order. */
const WANTS_AUTHENTICATION = '4000002760003184';

/** Can be kept; every payment with it is declined. */
const DECLINED_ONCE_KEPT = '4000000000000341';

/** What the published number says, as the issuer would. */
export function issuerDecline(
  card: Card,
  { moto, movesMoney }: { readonly moto: boolean; readonly movesMoney: boolean },
): CardDecline | undefined {
  if (card.number === WANTS_AUTHENTICATION && !moto) {
    return { code: 'authentication_required', declineCode: 'authentication_required' };
  }
  if (card.number === DECLINED_ONCE_KEPT && movesMoney) {
    return { code: 'card_declined', declineCode: 'generic_decline' };
  }
  const decline = Object.hasOwn(DECLINES, card.number) ? DECLINES[card.number] : undefined;
  // Without a code there is nothing that could be wrong with it.
  return decline?.code === 'incorrect_cvc' && card.cvc === undefined ? undefined : decline;
}

/** Reads the card of a PaymentMethod. Throws a `Refusal`: what is certainly wrong is told without an issuer. */
export function readCard(form: Form, now: Date): Card {
  const number = form.get('card[number]') ?? '';
  const expMonth = Number(form.get('card[exp_month]'));
  const expYear = Number(form.get('card[exp_year]'));
  if (!hasCheckDigit(number)) throw wrong('incorrect_number', 'card[number]');
  if (expMonth < 1 || expMonth > 12) throw wrong('invalid_expiry_month', 'card[exp_month]');
  if (now.getTime() >= Date.UTC(expYear, expMonth, 1)) throw wrong('invalid_expiry_year', 'card[exp_year]');
  const cvc = form.get('card[cvc]');
  const postalCode = form.get('billing_details[address][postal_code]');
  return {
    number,
    expMonth,
    expYear,
    ...(cvc !== undefined && { cvc }),
    ...(postalCode !== undefined && { postalCode }),
  };
}

function wrong(code: string, param: string): Refusal {
  return new Refusal(
    errorAnswer(402, { type: 'card_error', code, param, message: 'Your card is incorrect.' }),
  );
}
