import { HushtoneError } from '../kernel/errors.ts';
import type { AuditValue } from './entry.ts';

/** Members that hold a telephone number (E.164): all but the last four digits are hidden. */
const NUMBER_NAMES = /^(?:from|to|(?:\w+_)?(?:phone|msisdn|(?:phone|msisdn)?_?number))$/;

/** Members that hold something secret: that there is one is all that a record may tell. */
const SECRET_NAMES =
  /(?:^|_)(?:secrets?|passwords?|passcode|pin|security_code|otp|one_time_code|private_key|token|assertion|authorization|credentials?|hash|salt)$/;

/** ISO/IEC 7812-1: a card number has 12 digits or more. */
const CARD_NUMBER_LIKE = /\d{12}/;
/** The same in groups. A reference or a date with a number behind it may look like that too: it is hidden, not refused. */
const GROUPED_CARD_NUMBER_LIKE = /\d(?:[ -]?\d){11,}/g;
const SMALLEST_CARD_NUMBER_LIKE = 10 ** 11;

/** Stands for what is hidden. */
const HIDDEN = '•••';

type Members = { readonly [name: string]: AuditValue | undefined };

/**
 * The members of an object as a record may hold them: telephone numbers to their last four digits, secrets as dots.
 * Throws `audit_digits` when anything that is left has twelve digits or more in a row; such digits in groups are hidden.
 */
export function maskMembers(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [checkedText(name), maskMember(name, value as AuditValue)]),
  );
}

function maskMember(name: string, value: AuditValue): AuditValue {
  if (value === null || typeof value === 'boolean') return value;
  if (SECRET_NAMES.test(name)) return HIDDEN;
  if (NUMBER_NAMES.test(name) && (typeof value === 'string' || typeof value === 'number')) {
    return lastFour(String(value));
  }
  if (typeof value === 'string') return checkedText(value);
  if (typeof value === 'number') return checkedNumber(value);
  if (Array.isArray(value)) return value.map((item: AuditValue) => maskMember(name, item));
  return maskMembers(value as Members);
}

/** A telephone number with all but its last four digits as dots. Nothing is left of a shorter one. */
function lastFour(number: string): string {
  const digits = number.replaceAll(/\D/g, '');
  if (digits.length <= 4) return HIDDEN;
  return `${number.startsWith('+') ? '+' : ''}${'•'.repeat(digits.length - 4)}${digits.slice(-4)}`;
}

function checkedNumber(value: number): number {
  if (Math.abs(value) >= SMALLEST_CARD_NUMBER_LIKE) throw digits();
  return value;
}

/** A text of ours that a record may hold. Throws `audit_digits`: what would write a card number is at fault. */
function checkedText(text: string): string {
  if (CARD_NUMBER_LIKE.test(text)) throw digits();
  return maskText(text);
}

/**
 * A text from outside as a record may hold it: of card-like digits only the last four are left, and what JSON in the
 * database cannot keep (U+0000, lone surrogates) is replaced. No record is lost for a hostile name.
 */
export function maskText(text: string): string {
  return text
    .replaceAll(GROUPED_CARD_NUMBER_LIKE, (run) => `${HIDDEN}${run.slice(-4)}`)
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .replaceAll('\0', '\u2400');
}

function digits(): HushtoneError {
  return new HushtoneError(
    'audit_digits',
    'internal',
    'an audit record would hold as many digits in a row as a card number has',
  );
}
