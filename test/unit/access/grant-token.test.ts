import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt } from 'jose';
import { expect, it } from 'vitest';
import { createTokenVerifier } from '../../../src/access/access-token.ts';
import { issueGrantToken } from '../../../src/access/grant-token.ts';
import { createKeyRing } from '../../../src/access/signing-keys.ts';
import { HandClock } from '../../support/hand-clock.ts';

const clock = new HandClock();
const issuer = {
  issuer: 'https://gateway.test',
  audience: 'hushtone',
  keys: createKeyRing(generateKeyPairSync('ed25519').privateKey),
};
const GRANT = { id: 'gnt_1', accountId: 'acc_a', agentId: 'agent-1', clientId: 'crm' };

it('the token of a grant is for captures and nothing else', async () => {
  const token = await issueGrantToken(issuer, { ...GRANT, lifetimeSeconds: 300 }, clock);
  expect(await createTokenVerifier(issuer, clock)(token)).toEqual({
    accountId: 'acc_a',
    subject: 'agent-1',
    clientId: 'crm',
    roles: ['agent'],
    scopes: new Set(['captures:write', 'captures:read']),
    grantId: 'gnt_1',
  });
});

it.each([10, 300, 900])('the token of a grant lives as long as it: %d seconds', async (lifetimeSeconds) => {
  const token = await issueGrantToken(issuer, { ...GRANT, lifetimeSeconds }, clock);
  const { iat = 0, exp = 0 } = decodeJwt(token);
  expect(exp - iat).toBe(lifetimeSeconds);
});
