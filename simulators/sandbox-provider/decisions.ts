import { randomInt, type KeyObject } from 'node:crypto';
import { newId } from '../../src/kernel/ids.ts';
import { isExpired, type Card } from './card.ts';
import type { LedgerEntry, SandboxPurpose } from './ledger.ts';
import { openPinBlock } from './pin-block.ts';

/** The published test numbers that are declined (https://docs.stripe.com/testing). Every other number is accepted. */
export const DECLINED_NUMBERS: Readonly<Record<string, string>> = {
  '4000000000000002': 'generic_decline',
  '4000000000009995': 'insufficient_funds',
  '4000000000009987': 'lost_card',
  '4000000000009979': 'stolen_card',
  '4000000000000069': 'expired_card',
  '4000000000000127': 'incorrect_cvc',
  '4000000000000119': 'processing_error',
};

/** The sandbox's own rule: every card has this PIN. */
export const CORRECT_PIN = '1234';

/** No letters or digits that read alike on the telephone. */
const CODE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 6;

export type Decision = Pick<
  LedgerEntry,
  'chargeId' | 'result' | 'declineCode' | 'authorizationCode' | 'token' | 'pinOk'
>;

/** Decides as a card issuer would, after the sandbox's rules. */
export function decide(
  card: Card,
  purpose: SandboxPurpose,
  now: Date,
  pinKey: KeyObject | undefined,
): Decision {
  const chargeId = newId('chg');
  const pinOk =
    card.pinBlock === undefined ? undefined : isCorrectPin(card.pinBlock, card.cardNumber, pinKey);
  const declineCode = declineCodeOf(card, now, pinOk);
  return {
    chargeId,
    ...(pinOk !== undefined && { pinOk }),
    ...(declineCode === undefined
      ? {
          result: 'succeeded',
          ...(purpose !== 'tokenize' && { authorizationCode: newAuthorizationCode() }),
          ...((purpose === 'tokenize' || purpose === 'charge_and_save') && { token: newToken() }),
        }
      : { result: 'declined', declineCode }),
  };
}

function declineCodeOf(card: Card, now: Date, pinOk: boolean | undefined): string | undefined {
  if (card.expiry !== undefined && isExpired(card.expiry, now)) return 'expired_card';
  if (pinOk === false) return 'incorrect_pin';
  return DECLINED_NUMBERS[card.cardNumber];
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
