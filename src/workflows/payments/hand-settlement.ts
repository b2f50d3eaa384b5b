import { passesLuhn } from '../../cards/luhn.ts';
import { HushtoneError } from '../../kernel/errors.ts';

/** What an operator says became of an attempt. */
export interface HandSettlement {
  readonly outcome: 'succeeded' | 'declined' | 'never_arrived';
  /** The provider's own name of the payment or of the change; a success has one. */
  readonly providerReference?: string;
  readonly authorizationCode?: string;
  /** How they know, in their own words. At most 500 characters. */
  readonly reason: string;
}

export const OUTCOMES: readonly HandSettlement['outcome'][] = ['succeeded', 'declined', 'never_arrived'];

const LONGEST_REASON = 500;
/** Printable, without spaces: as every provider gives them. */
const PROVIDER_REFERENCE = /^[\x21-\x7e]{1,128}$/;
const AUTHORIZATION_CODE = /^[A-Za-z0-9]{1,32}$/;
/** ISO/IEC 7812-1. */
const SHORTEST_CARD_NUMBER = 13;
const LONGEST_CARD_NUMBER = 19;
/** No record holds as many digits in a row. */
const TOO_MANY_DIGITS = /\d{12}/;

/** Throws `settlement_invalid`, or `settlement_like_card` where somebody has pasted a card number. Quotes nothing. */
export function checkSettlement(settlement: HandSettlement): void {
  const { outcome, providerReference, authorizationCode, reason } = settlement;
  if (reason.trim() === '' || reason.length > LONGEST_REASON) {
    throw invalid(`A reason has 1 to ${LONGEST_REASON} characters.`);
  }
  if (outcome === 'succeeded' && providerReference === undefined) {
    throw invalid('A success has a reference of the provider: look it up there.');
  }
  if (outcome === 'never_arrived' && providerReference !== undefined) {
    throw invalid('What never arrived has no reference of the provider.');
  }
  if (outcome !== 'succeeded' && authorizationCode !== undefined) {
    throw invalid('Only a success has an authorization code.');
  }
  if (providerReference !== undefined && !PROVIDER_REFERENCE.test(providerReference)) {
    throw invalid('A reference of a provider has 1 to 128 printable characters and no spaces.');
  }
  if (
    authorizationCode !== undefined &&
    (!AUTHORIZATION_CODE.test(authorizationCode) || TOO_MANY_DIGITS.test(authorizationCode))
  ) {
    throw invalid('An authorization code has 1 to 32 letters and digits, and fewer than 12 digits in a row.');
  }
  // A reference may well be a long number of its own: it is refused as a whole only.
  if (providerReference !== undefined && runsOf(providerReference).some(isCardLike)) throw cardLike();
  if (TOO_MANY_DIGITS.test(reason) || runsOf(reason).some(holdsCardLike)) throw cardLike();
}

/** Runs of digits, spaces and hyphens in between left out. */
function runsOf(text: string): Buffer[] {
  return [...text.matchAll(/\d(?:[ -]?\d)*/g)].map(([run]) =>
    Buffer.from(run.replaceAll(/[ -]/g, ''), 'latin1'),
  );
}

function isCardLike(digits: Uint8Array): boolean {
  return digits.length >= SHORTEST_CARD_NUMBER && digits.length <= LONGEST_CARD_NUMBER && passesLuhn(digits);
}

function holdsCardLike(digits: Uint8Array): boolean {
  for (let length = SHORTEST_CARD_NUMBER; length <= LONGEST_CARD_NUMBER; length += 1) {
    for (let from = 0; from + length <= digits.length; from += 1) {
      if (passesLuhn(digits.subarray(from, from + length))) return true;
    }
  }
  return false;
}

function cardLike(): HushtoneError {
  return new HushtoneError(
    'settlement_like_card',
    'invalid',
    'The reason, or the reference, holds digits that could be a card number: leave them out.',
  );
}

function invalid(message: string): HushtoneError {
  return new HushtoneError('settlement_invalid', 'invalid', message);
}
