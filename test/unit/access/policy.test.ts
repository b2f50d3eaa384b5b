import { describe, expect, it } from 'vitest';
import { maySeeNumbers, reachOf } from '../../../src/access/policy.ts';
import { ROLES } from '../../../src/kernel/roles.ts';

const NUMBERS = new Set(['numbers:read']);

describe('whole telephone numbers', () => {
  it.each(ROLES.map((role) => [role, role === 'integrator' || role === 'supervisor'] as const))(
    'for %s: %s',
    (role, visible) => {
      expect(maySeeNumbers({ roles: [role], scopes: NUMBERS })).toBe(visible);
      expect(maySeeNumbers({ roles: [role], scopes: new Set() })).toBe(false);
    },
  );

  it('are not for the page of a capture grant, whatever roles and scopes its token names', () => {
    expect(maySeeNumbers({ roles: [...ROLES], scopes: NUMBERS, grantId: 'gnt_1' })).toBe(false);
  });
});

describe('a token of a capture grant', () => {
  it('reaches what a grant reaches and nothing by a role', () => {
    for (const roles of [[], [...ROLES]]) {
      expect(reachOf('getCapture', { roles, grantId: 'gnt_1' })).toEqual(['grant']);
      expect(reachOf('listCalls', { roles, grantId: 'gnt_1' })).toEqual([]);
    }
  });
});

it.each(['', 'constructor', '__proto__', 'nobodyKnowsThis'])('%j is no operation, and nobody may', (name) => {
  expect(reachOf(name, { roles: ROLES })).toEqual([]);
});
