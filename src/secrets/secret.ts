import { inspect } from 'node:util';

const PLACEHOLDER = '[secret]';

/**
 * A configuration secret (password, key, token): prints as `[secret]` in every way that JavaScript prints a value.
 * Not for keyed digits: those are bytes in a `SecretBuffer`.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where the secret is used, never before. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [Symbol.toPrimitive](): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
