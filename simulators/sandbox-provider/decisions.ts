import { randomInt, type KeyObject } from 'node:crypto';
import { newId } from '../../src/kernel/ids.ts';
import { hasCheckDigit, isExpired, type Card } from './card.ts';
import type { Balance, LedgerEntry, SandboxModification, SandboxPurpose } from './ledger.ts';
import { openPinBlock } from './pin-block.ts';

/**
 * The published test numbers that are declined (https://docs.stripe.com/testing). Every other number with a right check
 * digit is accepted.
 */
export const DECLINED_NUMBERS: Readonly<Record<string, string>> = {
  '4000000000000002': 'generic_decline',
  '4000000000009995': 'insufficient_funds',
  '4000000000009987': 'lost_card',
  '4000000000009979': 'stolen_card',
  '4000000000000069': 'expired_card',
  '4000000000000127': 'incorrect_cvc',
  '4000000000000119': 'processing_error',
  '4000000000006975': 'card_velocity_exceeded',
  '4100000000000019': 'fraudulent',
  '4000002760003184': 'authentication_required',
  '4000000760000002': 'card_not_supported', // published as a card of Brazil, where this sandbox takes none
};

/** Published as good to be kept and declined once it is charged. */
const DECLINED_WHEN_CHARGED: Readonly<Record<string, string>> = { '4000000000000341': 'call_issuer' };

/** Published as a card whose charge succeeds and whose refund fails. */
const REFUND_DECLINED = '4000000000005126';

/** No card network settles in it. */
const CURRENCY_DECLINED = 'KPW';

/** The sandbox's own rule: every card has this PIN. */
export const CORRECT_PIN = '1234';

/** No letters or digits that read alike on the telephone. */
const CODE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 6;

export type Decision = Pick<
  LedgerEntry,
  'chargeId' | 'result' | 'declineCode' | 'authorizationCode' | 'token' | 'pinOk'
>;

/** What is decided on. */
export interface Question {
  readonly card: Card;
  readonly purpose: SandboxPurpose;
  readonly currency?: string;
  /** The card is one that is kept already: no other token is made. */
  readonly stored: boolean;
}

/** Decides as a card issuer would, after the sandbox's rules. */
export function decide(question: Question, now: Date, pinKey: KeyObject | undefined): Decision {
  const { card, purpose, stored } = question;
  const chargeId = newId('chg');
  const pinOk =
    card.pinBlock === undefined ? undefined : isCorrectPin(card.pinBlock, card.cardNumber, pinKey);
  const declineCode = declineCodeOf(question, now, pinOk);
  const saves = !stored && (purpose === 'tokenize' || purpose === 'charge_and_save');
  return {
    chargeId,
    ...(pinOk !== undefined && { pinOk }),
    ...(declineCode === undefined
      ? {
          result: 'succeeded',
          ...(purpose !== 'tokenize' && { authorizationCode: newAuthorizationCode() }),
          ...(saves && { token: newToken() }),
        }
      : { result: 'declined', declineCode }),
  };
}

function declineCodeOf(
  { card, purpose, currency }: Question,
  now: Date,
  pinOk: boolean | undefined,
): string | undefined {
  if (!hasCheckDigit(card.cardNumber)) return 'incorrect_number';
  if (card.expiry !== undefined && isExpired(card.expiry, now)) return 'expired_card';
  if (pinOk === false) return 'incorrect_pin';
  if (currency === CURRENCY_DECLINED) return 'currency_not_supported';
  const always = DECLINED_NUMBERS[card.cardNumber];
  return always ?? (purpose === 'tokenize' ? undefined : DECLINED_WHEN_CHARGED[card.cardNumber]);
}

/** Why a modification cannot be; undefined when it can. `amount` is in minor units, absent for `void`. */
export function modificationDeclineCode(
  modification: SandboxModification,
  amount: number,
  payment: LedgerEntry,
  { authorized, captured, refunded, voided }: Balance,
): string | undefined {
  if (authorized === 0 || voided) return 'not_modifiable';
  switch (modification) {
    case 'capture': // one for each payment: it gives back what it leaves
      if (captured > 0) return 'already_captured';
      return amount > authorized ? 'amount_too_large' : undefined;
    case 'void':
      return captured > 0 ? 'already_captured' : undefined;
    case 'refund':
      if (payment.cardNumber === REFUND_DECLINED) return 'refund_declined';
      return amount > captured - refunded ? 'amount_too_large' : undefined;
    default:
      return 'not_modifiable';
  }
}

function isCorrectPin(pinBlock: string, cardNumber: string, pinKey: KeyObject | undefined): boolean {
  return (
    pinKey !== undefined && openPinBlock(Buffer.from(pinBlock, 'hex'), cardNumber, pinKey) === CORRECT_PIN
  );
}

function newAuthorizationCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('');
}

function newToken(): string {
  return newId('tok').replace('tok_', 'tok_sandbox_');
}
