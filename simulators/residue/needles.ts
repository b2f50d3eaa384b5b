import { binaryForms, encodedForms, textForms, type Form } from './forms.ts';

/** Something that must not be found anywhere, with the words to report it by. Those never hold a digit. */
export interface Needle {
  /** What it is of, and in which form: `card number as ASCII`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * All forms in which a run of digits could have been left behind. `digits` are values 0 to 9, 12 or more of them, as
 * packed ones are found by chance when they are shorter; they must be random, see `binaryForms`.
 */
export function needlesOf(name: string, digits: readonly number[]): Needle[] {
  return [
    ...textNeedlesOf(name, digits),
    ...encodedNeedlesOf(name, digits),
    ...named(name, binaryForms(digits)),
  ];
}

/** As text: also for published numbers, and for parts of a number of 8 digits or more. */
export function textNeedlesOf(name: string, digits: readonly number[]): Needle[] {
  return named(name, textForms(digits));
}

/** As hexadecimal, base64 and the like: also for published numbers. */
export function encodedNeedlesOf(name: string, digits: readonly number[]): Needle[] {
  return named(name, encodedForms(digits));
}

/**
 * A value that is too short to be looked for alone, within its context: `before`, of at least four characters, is what
 * stands before it where it would be found.
 */
export function contextNeedlesOf(name: string, before: string, digits: readonly number[]): Needle[] {
  if (before.length < 4 || digits.length === 0) throw new Error('so little would be found by chance');
  const text = before + digits.join('');
  return [
    { name: `${name} in its context as ASCII`, bytes: Buffer.from(text, 'utf8') },
    { name: `${name} in its context as UTF-16LE`, bytes: Buffer.from(text, 'utf16le') },
  ];
}

function named(name: string, forms: readonly Form[]): Needle[] {
  return forms.flatMap(({ name: form, needles }) =>
    needles.map((bytes) => ({ name: `${name} as ${form}`, bytes })),
  );
}
