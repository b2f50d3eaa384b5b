import Fastify from 'fastify';
import { expect, test } from 'vitest';
import type { Principal } from '../../../src/access/principal.ts';
import { principalOf, requireAccess, type AccessRules } from '../../../src/http/auth.ts';

const PRINCIPAL: Principal = {
  accountId: 'acc_a',
  subject: 'agent-1',
  clientId: 'crm',
  roles: ['agent'],
  scopes: new Set(['captures:read']),
};

/** What one request to an operation comes to under these rules: `done`, or the code of its refusal. */
async function outcome(rules: Partial<AccessRules>, remoteAddress = '192.0.2.7'): Promise<string> {
  const server = Fastify();
  server.setErrorHandler(async (error: { code?: string }, _request, reply) => {
    await reply.send({ code: error.code ?? 'none' });
  });
  const onRequest = requireAccess('getCapture', ['captures:read'], {
    verifyToken: async () => PRINCIPAL,
    ...rules,
  });
  server.get('/', { onRequest }, async (request) => ({ code: `done from ${principalOf(request).address}` }));
  try {
    const answer = await server.inject({ url: '/', headers: { authorization: 'Bearer x' }, remoteAddress });
    return answer.json<{ code: string }>().code;
  } finally {
    await server.close();
  }
}

test('a token of a grant is refused where no grant can be looked up', async () => {
  const verifyToken = async (): Promise<Principal> => ({ ...PRINCIPAL, grantId: 'gnt_1' });
  expect(await outcome({})).toBe('done from 192.0.2.7');
  expect(await outcome({ verifyToken })).toBe('grant_ended');
  expect(await outcome({ verifyToken, checkGrant: async () => undefined })).toBe('done from 192.0.2.7');
});

test('an IPv4 caller is on record as one, however the socket names the address', async () => {
  expect(await outcome({}, '::ffff:192.0.2.7')).toBe('done from 192.0.2.7');
});

test('every list of networks has to hold', async () => {
  const inside = ['192.0.2.0/24'];
  const outside = ['198.51.100.0/24'];
  for (const [lists, code] of [
    [[], 'done from 192.0.2.7'],
    [[[], inside], 'done from 192.0.2.7'],
    [[inside, outside], 'address_forbidden'],
    [[outside, []], 'address_forbidden'],
  ] as const) {
    expect(await outcome({ networksOf: async () => lists })).toBe(code);
  }
});
