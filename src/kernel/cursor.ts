import { HushtoneError } from './errors.ts';

/** A place in a list, as a client hands it back: base64url of JSON. Its content is nobody's business but the list's. */
export function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** Throws `cursor_invalid` unless `isPlace` knows what it reads. */
export function decodeCursor<T extends readonly unknown[]>(
  cursor: string,
  isPlace: (value: readonly unknown[]) => value is T,
): T {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(value) && isPlace(value)) return value;
  } catch {
    // Said below: it is no cursor of ours.
  }
  throw new HushtoneError('cursor_invalid', 'invalid', 'The cursor is none that this list has given.');
}
