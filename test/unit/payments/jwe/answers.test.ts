import { describe, expect, it } from 'vitest';
import { readOutcome } from '../../../../src/payments/jwe/answers.ts';
import { ANSWER_MEMBERS } from '../../../../src/payments/jwe/members.ts';

const FORMAT = {
  protection: { kind: 'none' },
  members: ANSWER_MEMBERS,
  succeeded: ['succeeded'],
  declined: ['declined'],
  notFoundCode: 'payment_not_found',
  declineCodes: { '51': 'insufficient_funds' },
} as const;
const EXPECTED = { idempotencyKey: 'att_1', operation: 'charge', echoes: () => false } as const;
const SUCCESS = { idempotency_key: 'att_1', result: 'succeeded', id: 'pay-1' };

describe('an answer', () => {
  it('is read by the names and values that the provider has', () => {
    const members = {
      ...ANSWER_MEMBERS,
      idempotency_key: '',
      result: 'data.status.code',
      provider_reference: 'data.txn',
      decline_code: 'data.status.reason',
    };
    const format = { ...FORMAT, members, succeeded: ['00', 'APPROVED'], declined: ['05'] };
    const answer = (code: unknown, reason?: string): Record<string, unknown> => ({
      data: { txn: 'T-1', status: { code, reason } },
    });
    expect(readOutcome(answer('APPROVED'), format, EXPECTED)).toEqual({
      result: 'succeeded',
      providerReference: 'T-1',
    });
    expect(readOutcome(answer('05', '51'), format, EXPECTED)).toEqual({
      result: 'declined',
      reason: 'insufficient_funds',
      rawCode: '51',
      providerReference: 'T-1',
    });
    expect(readOutcome(answer('05', '99'), format, EXPECTED)).toMatchObject({ reason: 'generic_decline' });
    expect(readOutcome(answer('77'), format, EXPECTED)).toBeUndefined();
  });

  it.each([
    { ...SUCCESS, idempotency_key: 'att_2' },
    { ...SUCCESS, idempotency_key: undefined },
    { ...SUCCESS, id: undefined },
    { ...SUCCESS, id: '../x' },
    { ...SUCCESS, result: 'pending' },
    { ...SUCCESS, result: undefined },
    { ...SUCCESS, result: 'declined' },
    { ...SUCCESS, result: 'declined', decline_code: 'a sentence' },
  ])('that is not certainly one for this attempt is not read: %o', (answer) => {
    expect(readOutcome(answer, FORMAT, EXPECTED)).toBeUndefined();
  });

  it('that names a payment by the card number is not read', () => {
    const echoes = (text: string): boolean => text.includes('4242424242424242');
    const answer = { ...SUCCESS, id: 'x4242424242424242' };
    expect(readOutcome(answer, FORMAT, { ...EXPECTED, echoes })).toBeUndefined();
  });

  it('without a token is none for a card that was only to be kept', () => {
    const keep = { ...EXPECTED, operation: 'tokenize' } as const;
    expect(readOutcome(SUCCESS, FORMAT, keep)).toBeUndefined();
    expect(readOutcome({ ...SUCCESS, token: 'tok-1' }, FORMAT, keep)).toMatchObject({
      providerToken: 'tok-1',
    });
  });
});
