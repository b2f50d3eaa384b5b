import type { DoubleRequest } from '../route.ts';

/** A member's shape: what its value must be. */
export type Shape = (value: unknown) => boolean;

export const text =
  (shape: RegExp): Shape =>
  (value) =>
    typeof value === 'string' && shape.test(value);
export const whole =
  (from: number, to: number): Shape =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
export const exactly =
  (expected: unknown): Shape =>
  (value) =>
    value === expected;

/** The JSON object of a request; undefined when the body is none. */
export function jsonBody({ headers, body }: DoubleRequest): Record<string, unknown> | undefined {
  if (headers['content-type'] !== 'application/json') return undefined;
  try {
    return asObject(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The name of the first member that is missing, malformed or not known; undefined when all is well. */
export function firstWrong(
  object: Record<string, unknown>,
  required: Readonly<Record<string, Shape>>,
  optional: Readonly<Record<string, Shape>> = {},
): string | undefined {
  const shapes: Readonly<Record<string, Shape>> = { ...required, ...optional };
  const missing = Object.keys(required).find((name) => object[name] === undefined);
  if (missing !== undefined) return missing;
  return Object.entries(object).find(([name, value]) => {
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    return shape === undefined || !shape(value);
  })?.[0];
}

/** ISO/IEC 7812-1 annex B. */
export function hasCheckDigit(cardNumber: string): boolean {
  const sum = Array.from(cardNumber)
    .toReversed()
    .map((digit, index) => Number(digit) * (index % 2 === 0 ? 1 : 2))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return sum % 10 === 0;
}

export const CARD_NUMBER = /^\d{12,19}$/;
export const SECURITY_CODE = /^\d{3,4}$/;
