import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import { GENESIS_HASH, hashOf, nextLink } from '../../../src/audit/chain.ts';
import type { AuditEntry } from '../../../src/audit/entry.ts';
import { AUDIT_OPERATIONS } from '../../../src/audit/operations.ts';

const NOW = new Date('2026-03-04T05:06:07.890Z');
const ENTRY: AuditEntry = {
  accountId: 'acc_a',
  actor: { kind: 'client', clientId: 'desk', subject: 'agent-1', roles: ['agent'] },
  address: '127.0.0.1',
  requestId: 'req_1',
  operationId: 'releaseCall',
  operation: 'call.release',
  object: { type: 'call', id: 'call_1' },
  result: 'done',
  before: { masked: true },
  after: { masked: false, from: '+15083082222', nothing: undefined },
};

describe('a link', () => {
  const first = nextLink({ sequence: 0, hash: GENESIS_HASH }, ENTRY, NOW);

  test('is the canonical JSON of the whole record', () => {
    expect(first.record).toBe(
      '{"account_id":"acc_a","actor":{"client_id":"desk","kind":"client","roles":["agent"],"subject":"agent-1"},' +
        '"address":"127.0.0.1","after":{"from":"+•••••••2222","masked":false},"at":"2026-03-04T05:06:07.890Z",' +
        '"before":{"masked":true},"object":{"id":"call_1","type":"call"},"operation":"call.release",' +
        `"operation_id":"releaseCall","previous_hash":"${GENESIS_HASH}","request_id":"req_1","result":"done",` +
        '"sequence":1}',
    );
    expect(canonicalJson(JSON.parse(first.record))).toBe(first.record);
  });

  test('has the SHA-256 of that text', () => {
    expect(first.hash).toBe(createHash('sha256').update(Buffer.from(first.record)).digest('base64url'));
  });

  test('holds the hash of the one before', () => {
    const second = nextLink(first, ENTRY, NOW);
    expect(second.sequence).toBe(2);
    expect(JSON.parse(second.record)).toMatchObject({ sequence: 2, previous_hash: first.hash });
    expect(second.hash).not.toBe(first.hash);
  });

  test('tells when it happened, not when it was written', () => {
    const at = new Date('2026-03-04T05:06:00.000Z');
    const link = nextLink(first, { ...ENTRY, at }, NOW);
    expect(JSON.parse(link.record)).toMatchObject({ at: '2026-03-04T05:06:00.000Z' });
  });

  test('shows of card-like names from outside the last four digits only', () => {
    const { record } = nextLink(
      first,
      {
        ...ENTRY,
        actor: { kind: 'client', subject: '4242424242424242' },
        object: { type: 'call', id: '4242 4242 4242 4242' },
        reason: '4242-4242-4242-4242',
      },
      NOW,
    );
    expect(record).not.toMatch(/4242\D?4242/);
    expect(JSON.parse(record)).toMatchObject({ actor: { subject: '•••4242' }, reason: '•••4242' });
  });

  test.each<[string, (text: string) => Partial<AuditEntry>]>([
    ['the client', (clientId) => ({ actor: { ...ENTRY.actor, clientId } })],
    ['the subject', (subject) => ({ actor: { ...ENTRY.actor, subject } })],
    ['the grant', (grantId) => ({ actor: { ...ENTRY.actor, grantId } })],
    ['the address', (address) => ({ address })],
    ['the request', (requestId) => ({ requestId })],
    ['the type of the object', (type) => ({ object: { ...ENTRY.object, type } })],
    ['the object', (id) => ({ object: { ...ENTRY.object, id } })],
    ['the reason', (reason) => ({ reason })],
  ])('hides a card number that stands where %s is named', (_where, change) => {
    for (const number of ['4012001037141112', '4012 0010 3714 1112', 'x-4012-0010-3714-1112']) {
      const { record } = nextLink(first, { ...ENTRY, ...change(number) }, NOW);
      expect(record).toContain('•••1112');
      expect(record.replaceAll(/[ -]/g, '')).not.toContain('4012001');
    }
  });

  test('is refused with a card number in what changed', () => {
    const entry = { ...ENTRY, after: { note: '4242424242424242' } };
    expect(() => nextLink(first, entry, NOW)).toThrow(expect.objectContaining({ code: 'audit_digits' }));
  });
});

test('the hash before the first is 32 zero bytes', () => {
  expect(Buffer.from(GENESIS_HASH, 'base64url')).toEqual(Buffer.alloc(32));
  expect(hashOf('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU');
});

test.each(Object.entries(AUDIT_OPERATIONS))('%s is well named and says what it means', (name, meaning) => {
  expect(name).toMatch(/^[a-z_]+(\.[a-z_]+)+$/);
  expect(meaning).toMatch(/^[A-Z].*\.$/);
});
