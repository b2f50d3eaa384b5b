import { expect, test } from 'vitest';
import { newId, newPathSecret } from '../../../src/kernel/ids.ts';

const MANY = Array.from({ length: 2000 }, () => newId('cap'));

test('an id is its prefix and 26 letters and digits, as openapi.yaml says', () => {
  for (const id of MANY) expect(id).toMatch(/^cap_[0-9a-z]{26}$/);
});

test('ids are not repeated', () => {
  expect(new Set(MANY).size).toBe(MANY.length);
});

test('no id has six digits in a row, which could be part of a card number', () => {
  expect(MANY.filter((id) => /\d{6}/.test(id))).toEqual([]);
});

test('no id has a letter that reads as a digit', () => {
  expect(MANY.filter((id) => /[ilou]/.test(id.slice('cap_'.length)))).toEqual([]);
});

test('every sign of the alphabet can stand at every place that is not kept for letters', () => {
  const seen = Array.from({ length: 26 }, (_, place) => new Set(MANY.map((id) => id[4 + place])).size);
  expect(seen).toEqual(Array.from({ length: 26 }, (_, place) => (place % 6 === 5 ? 22 : 32)));
});

test('a path secret is 256 bits as base64url', () => {
  const secret = newPathSecret();
  expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  expect(newPathSecret()).not.toBe(secret);
});
