import { expect, test } from 'vitest';
import { grantedRequest } from '../../../src/workflows/granted-request.ts';
import type { Grant } from '../../../src/workflows/stores/grant-store.ts';

const GRANT = { agentId: 'agent-1', purpose: 'charge' } as Grant;
const REQUEST = { agent_id: 'agent-1', purpose: 'charge', amount: { value: 1, currency: 'EUR' } } as const;

test('what a grant leaves open is the request’s', () => {
  expect(grantedRequest(GRANT, { ...REQUEST, reference: 'order-1' })).toMatchObject({ reference: 'order-1' });
});

// A grant is for an agent's page: it must not reach the cards that the account keeps, nor pass a test off as a payment.
test.each([
  ['a stored card', { token: 'tok_card_5m2kqa9m4rvx3t8npwzc6edy5b' }],
  ['a mode', { mode: 'test' }],
] as const)('but for %s', (_name, change) => {
  expect(() => grantedRequest(GRANT, { ...REQUEST, ...change })).toThrow(
    expect.objectContaining({ code: 'grant_mismatch', kind: 'forbidden' }) as Error,
  );
});
