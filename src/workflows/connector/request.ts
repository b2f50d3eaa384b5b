import { brandOf, type Brand } from '../../cards/brands.ts';
import { passesLuhn } from '../../cards/luhn.ts';
import type { Amount, CardDetails } from '../../payments/contract.ts';
import { isCurrency } from '../../payments/currencies.ts';
import { fromDecimal } from '../../payments/decimal-amount.ts';
import type { Mode } from '../../payments/kind.ts';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import { MemberMistake, type ConnectorMembers, type MemberName } from './members.ts';

const TRANSACTION_ID = /^[\w.:-]{1,128}$/;
const CURRENCY = /^[A-Za-z]{3}$/;

/** ISO/IEC 7812-1: an identification number has at least so many digits. */
const SHORTEST_CARD_NUMBER = 12;
const LONGEST_CARD_NUMBER = 19;
const LONGEST_REFERENCE = 255;

/** What a voice platform asks for. `using` wipes the expiry, which is put together here; the rest is its members'. */
export interface ConnectorRequest extends Disposable {
  readonly method: 'charge' | 'tokenize';
  readonly transactionId: string;
  readonly mode?: Mode;
  /** Absent for `tokenize`. */
  readonly amount?: Amount;
  readonly reference?: string;
  readonly customerReference?: string;
  readonly brand?: Brand;
  readonly last4: string;
  readonly card: CardDetails;
}

/**
 * Throws `MemberMistake`: `method_unknown`, `…_missing`, `…_invalid`, `…_like_card` for a public text that holds a card
 * number, `bank_account_not_supported`, and `incorrect_number` for a number with a wrong check digit.
 */
export function readConnectorRequest(members: ConnectorMembers): ConnectorRequest {
  const method = textOf(members, 'method');
  if (method === undefined) throw new MemberMistake('method_missing');
  if (method !== 'charge' && method !== 'tokenize') throw new MemberMistake('method_unknown');
  const transactionId = required(members, 'transaction_id');
  if (!TRANSACTION_ID.test(transactionId)) throw new MemberMistake('transaction_id_invalid');
  if (members.bank) throw new MemberMistake('bank_account_not_supported');
  const amount = amountOf(members, method);
  const mode = modeOf(members);
  const reference = referenceOf(members, 'parameters/reference') ?? referenceOf(members, 'description');
  const customerReference = referenceOf(members, 'parameters/customer_reference');
  const { cardNumber, ...face } = cardNumberOf(members);
  const securityCode = digitsOf(members, 'cvv', 3, 4);
  const postalCode = digitsOf(members, 'postal_code', 3, 16);
  const expiry = expiryOf(members);
  return {
    method,
    transactionId,
    ...face,
    ...(amount !== undefined && { amount }),
    ...(mode !== undefined && { mode }),
    ...(reference !== undefined && { reference }),
    ...(customerReference !== undefined && { customerReference }),
    card: {
      cardNumber,
      expiry,
      ...(securityCode !== undefined && { securityCode }),
      ...(postalCode !== undefined && { postalCode }),
    },
    [Symbol.dispose]: () => expiry.wipe(),
  };
}

function required(members: ConnectorMembers, name: MemberName): string {
  const text = textOf(members, name);
  if (text === undefined) throw new MemberMistake(`${name}_missing`);
  return text;
}

/** A public member as text, once it is certain that no card number is in it. */
function textOf(members: ConnectorMembers, name: MemberName): string | undefined {
  return members.get(name)?.use((bytes) => {
    if (holdsCardNumber(bytes)) throw new MemberMistake(`${name.replace('/', '_')}_like_card`);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw new MemberMistake(`${name.replace('/', '_')}_invalid`);
    }
  });
}

/** Digits in groups or in one, of which some could be a card number: of a brand, with its check digit. */
function holdsCardNumber(bytes: Uint8Array): boolean {
  const run = new SecretBuffer(LONGEST_CARD_NUMBER);
  try {
    for (let start = 0; start < bytes.length; start += 1) {
      if (!isDigit(bytes[start]) || isDigit(bytes[start - 1])) continue;
      run.clear();
      for (let index = start; index < bytes.length && run.length < LONGEST_CARD_NUMBER; index += 1) {
        const byte = bytes[index] ?? 0;
        if (isDigit(byte)) run.append(byte);
        else if (!(byte === 0x20 || byte === 0x2d) || !isDigit(bytes[index + 1])) break;
        if (run.length >= SHORTEST_CARD_NUMBER && run.use(isCardNumber)) return true;
      }
    }
    return false;
  } finally {
    run.wipe();
  }
}

function isCardNumber(digits: Uint8Array): boolean {
  return brandOf(digits) !== undefined && passesLuhn(digits);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Texts that are kept have no run of digits as long as a card number, whatever it is; the database refuses them too. */
function referenceOf(members: ConnectorMembers, name: MemberName): string | undefined {
  const text = textOf(members, name);
  if (text === undefined) return undefined;
  if (text.length > LONGEST_REFERENCE) throw new MemberMistake(`${name.replace('/', '_')}_invalid`);
  if (/\d{12}/.test(text)) throw new MemberMistake(`${name.replace('/', '_')}_like_card`);
  return text;
}

function amountOf(members: ConnectorMembers, method: 'charge' | 'tokenize'): Amount | undefined {
  // Some platforms send an amount of nothing with a tokenization: it moves no money, whatever is there.
  if (method === 'tokenize') return undefined;
  const text = required(members, 'amount');
  const written = required(members, 'currency_code');
  const currency = written.toUpperCase();
  if (!CURRENCY.test(written) || !isCurrency(currency)) throw new MemberMistake('currency_code_invalid');
  const amount = fromDecimal(text, currency);
  if (amount === undefined || amount.value === 0) throw new MemberMistake('amount_invalid');
  return amount;
}

function modeOf(members: ConnectorMembers): Mode | undefined {
  const mode = textOf(members, 'parameters/mode');
  if (mode === undefined || mode === 'test' || mode === 'live') return mode;
  throw new MemberMistake('parameters_mode_invalid');
}

function cardNumberOf(members: ConnectorMembers): {
  readonly cardNumber: SecretBuffer;
  readonly brand?: Brand;
  readonly last4: string;
} {
  const cardNumber = digitsOf(members, 'cardnumber', SHORTEST_CARD_NUMBER, LONGEST_CARD_NUMBER);
  if (cardNumber === undefined) throw new MemberMistake('cardnumber_missing');
  return cardNumber.use((digits) => {
    if (!passesLuhn(digits)) throw new MemberMistake('incorrect_number');
    const brand = brandOf(digits);
    const last4 = String.fromCharCode(...digits.subarray(-4));
    return { cardNumber, last4, ...(brand !== undefined && { brand }) };
  });
}

/** MMYY, of a month of one or two digits and a year of two or four. */
function expiryOf(members: ConnectorMembers): SecretBuffer {
  const month = digitsOf(members, 'expiry_month', 1, 2);
  const year = digitsOf(members, 'expiry_year', 2, 4);
  if (month === undefined || year === undefined) throw new MemberMistake('expiry_missing');
  const expiry = new SecretBuffer(4);
  try {
    month.use((digits) => {
      const value = digits.reduce((total, digit) => total * 10 + (digit - 0x30), 0);
      if (value < 1 || value > 12) throw new MemberMistake('expiry_invalid');
      if (digits.length === 1) expiry.append(0x30);
      expiry.appendBytes(digits);
    });
    year.use((digits) => {
      if (digits.length === 3) throw new MemberMistake('expiry_invalid');
      if (digits.length === 4 && (digits[0] !== 0x32 || digits[1] !== 0x30)) {
        throw new MemberMistake('expiry_invalid');
      }
      expiry.appendBytes(digits.subarray(-2));
    });
    return expiry;
  } catch (error) {
    expiry.wipe();
    throw error;
  }
}

function digitsOf(
  members: ConnectorMembers,
  name: MemberName,
  shortest: number,
  longest: number,
): SecretBuffer | undefined {
  const value = members.get(name);
  if (value === undefined) return undefined;
  const fits =
    value.length >= shortest && value.length <= longest && value.use((bytes) => bytes.every(isDigit));
  if (!fits) throw new MemberMistake(`${name}_invalid`);
  return value;
}
