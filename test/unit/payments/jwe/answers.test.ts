import { CompactEncrypt, CompactSign, type CompactJWEHeaderParameters } from 'jose';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openAnswer, readOutcome } from '../../../../src/payments/jwe/answers.ts';
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

describe('an answer that is protected', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const bytes = Buffer.from(JSON.stringify(SUCCESS));

  const open = (kind: 'jwe' | 'jws', token: string): Promise<unknown> =>
    openAnswer(
      { status: 200, body: Buffer.from(token), headers: { 'content-type': 'application/jose' } },
      { ...FORMAT, protection: { kind, key: kind === 'jwe' ? privateKey : publicKey } },
    );
  const encrypted = (header: CompactJWEHeaderParameters, key = publicKey): Promise<string> =>
    new CompactEncrypt(bytes).setProtectedHeader(header).encrypt(key);
  const signed = (alg: string, key = privateKey): Promise<string> =>
    new CompactSign(bytes).setProtectedHeader({ alg }).sign(key);

  it.each(['A256GCM', 'A128GCM'])('is read when it is encrypted with %s', async (enc) => {
    expect(await open('jwe', await encrypted({ alg: 'RSA-OAEP-256', enc }))).toEqual(SUCCESS);
  });

  it.each([
    { alg: 'RSA-OAEP', enc: 'A256GCM' },
    { alg: 'RSA-OAEP-512', enc: 'A256GCM' },
    { alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512' },
    { alg: 'RSA-OAEP-256', enc: 'A192GCM' },
  ])('is not read with another algorithm: $alg, $enc', async (header) => {
    expect(await open('jwe', await encrypted(header))).toBeUndefined();
  });

  it.each(['PS256', 'RS256'])('is read when it is signed with %s', async (alg) => {
    expect(await open('jws', await signed(alg))).toEqual(SUCCESS);
  });

  it.each(['PS384', 'RS512'])('is not read with another algorithm: %s', async (alg) => {
    expect(await open('jws', await signed(alg))).toBeUndefined();
  });

  it('is not read for another key, when it was changed, or when it is not protected at all', async () => {
    const jwe = await encrypted({ alg: 'RSA-OAEP-256', enc: 'A256GCM' });
    const header = Buffer.from('{"alg":"RSA-OAEP-256","enc":"A256GCM" }').toString('base64url');
    const jws = await signed('PS256');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${bytes.toString('base64url')}.`;
    for (const [kind, token] of [
      ['jwe', await encrypted({ alg: 'RSA-OAEP-256', enc: 'A256GCM' }, stranger.publicKey)],
      ['jwe', [header, ...jwe.split('.').slice(1)].join('.')],
      ['jwe', JSON.stringify(SUCCESS)],
      ['jws', await signed('PS256', stranger.privateKey)],
      ['jws', [...jws.split('.').slice(0, 2), Buffer.alloc(256, 1).toString('base64url')].join('.')],
      ['jws', none],
      ['jws', JSON.stringify(SUCCESS)],
    ] as const) {
      expect(await open(kind, token)).toBeUndefined();
    }
  });
});
