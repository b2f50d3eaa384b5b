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

test('no place of an id depends on another: all 26 are drawn', () => {
  // Two places agree in one id of 32 by chance, which is 62 of these; four times as many does not happen.
  for (let place = 0; place < 26; place += 1) {
    for (let other = place + 1; other < 26; other += 1) {
      expect(MANY.filter((id) => id[4 + place] === id[4 + other]).length).toBeLessThan(250);
    }
  }
});

test('every byte of a path secret is drawn', () => {
  const secrets = Array.from({ length: 400 }, () => Buffer.from(newPathSecret(), 'base64url'));
  for (let place = 0; place < 32; place += 1) {
    // 203 different values are to be expected of 400.
    expect(new Set(secrets.map((secret) => secret[place])).size).toBeGreaterThan(100);
    for (let other = place + 1; other < 32; other += 1) {
      expect(secrets.filter((secret) => secret[place] === secret[other]).length).toBeLessThan(40);
    }
  }
});
