import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { invert, multiply } from '../../../../../src/vault/keys/file/gf256.ts';

const element = fc.nat(255);

test('FIPS 197, 4.2: {57} · {83} = {c1}, {57} · {13} = {fe}, and the steps of 4.2.1', () => {
  expect(multiply(0x57, 0x83)).toBe(0xc1);
  expect(multiply(0x57, 0x13)).toBe(0xfe);
  expect([2, 4, 8, 16].map((x) => multiply(0x57, x))).toEqual([0xae, 0x47, 0x8e, 0x07]);
});

test('FIPS 197, 4.2: the inverse of {53} is {ca}', () => {
  expect(invert(0x53)).toBe(0xca);
  expect(invert(0)).toBe(0);
});

test('every element but 0 has an inverse', () => {
  for (let x = 1; x < 256; x += 1) expect(multiply(x, invert(x))).toBe(1);
});

test('it is a field', () => {
  fc.assert(
    fc.property(element, element, element, (a, b, c) => {
      expect(multiply(a, b)).toBe(multiply(b, a));
      expect(multiply(multiply(a, b), c)).toBe(multiply(a, multiply(b, c)));
      expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c));
      expect(multiply(a, 1)).toBe(a);
    }),
  );
});
