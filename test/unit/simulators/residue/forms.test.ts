import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Finder } from '../../../../simulators/residue/finder.ts';
import { needlesOf } from '../../../../simulators/residue/needles.ts';
import { randomCardNumber } from '../../../support/adapter-residue.ts';
import { LEAKS } from '../../../support/leaks.ts';

function found(content: Buffer, digits: readonly number[]): Set<string> {
  const needles = needlesOf('number', digits);
  const finder = new Finder(needles.map(({ bytes }) => bytes));
  return new Set(finder.find(content).map(({ needle }) => needles[needle]?.name ?? ''));
}

describe.each([15, 16, 19])('a card number of %d digits', (length) => {
  it.each(LEAKS)('is found $form, whatever stands around it', ({ foundAs, write }) => {
    const digits = randomCardNumber([3, 7], length);
    const content = Buffer.concat([randomBytes(7), write(digits), randomBytes(5)]);
    expect(found(content, digits)).toContain(`number as ${foundAs}`);
    // Another number of the same form is no finding.
    expect(found(Buffer.concat([randomBytes(7), write(randomCardNumber([3, 7], length))]), digits)).toEqual(
      new Set(),
    );
  });
});

it('no form names a digit', () => {
  const names = needlesOf('number', randomCardNumber()).map(({ name }) => name);
  expect(names.join(' ')).not.toMatch(/\d{3}/);
});

describe('a PIN of 12 digits in packed BCD, shifted by a digit', () => {
  const pin = [7, 3, 9, 1, 4, 6, 8, 2, 5, 0, 3, 6];
  const hex = pin.join('');

  // What pads it as in ISO 8583 and EMV, and what stands on the other side is anything.
  it.each([
    { padded: 'F before', content: `f${hex}b` },
    { padded: 'zero before', content: `0${hex}c` },
    { padded: 'F after', content: `b${hex}f` },
    { padded: 'zero after', content: `c${hex}0` },
  ])('is found with $padded', ({ content }) => {
    const swapped = content.replaceAll(/(.)(.)/g, '$2$1');
    expect(found(Buffer.from(content, 'hex'), pin)).toContain('number as packed BCD, odd');
    expect(found(Buffer.from(swapped, 'hex'), pin)).toContain('number as packed BCD, nibbles swapped');
  });

  it('has no needle that would be found by chance', () => {
    const lengths = needlesOf('PIN', pin).map(({ bytes }) => bytes.length);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(6);
  });
});

it('no needle is so short that it would be found by chance', () => {
  for (let trial = 0; trial < 200; trial += 1) {
    const needles = needlesOf('number', randomCardNumber());
    expect(Math.min(...needles.map(({ bytes }) => bytes.length))).toBeGreaterThanOrEqual(7);
  }
});
