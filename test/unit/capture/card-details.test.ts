import { describe, expect, it } from 'vitest';
import { cardDetails } from '../../../src/capture/card-details.ts';
import { CARD, Driver, specOf, VISA } from './driver.ts';

const notProcessing = expect.objectContaining({ code: 'capture_not_processing' }) as Error;

describe('cardDetails', () => {
  it('lends the accepted values while the provider has them, and takes them back by wiping', () => {
    const fields = [...CARD, { field: 'postal_code', required: false } as const];
    const capture = Driver.secured(specOf(fields)).keys(`${VISA}#1230#123#`);
    expect(() => cardDetails(capture.state)).toThrow(notProcessing);
    capture.send({ type: 'submit' });
    const lent = cardDetails(capture.state);
    const text = Object.entries(lent).map(([field, buffer]) => [
      field,
      buffer.use((bytes) => new TextDecoder().decode(bytes)),
    ]);
    expect(Object.fromEntries(text)).toEqual({ card_number: VISA, expiry: '1230', security_code: '123' });
    capture.send({ type: 'provider_succeeded' });
    expect(Object.values(lent).every(({ wiped }) => wiped)).toBe(true);
    expect(() => cardDetails(capture.state)).toThrow(notProcessing);
  });
});
