import { expect, test } from 'vitest';
import { parseRoutes } from '../../../src/config/routes.ts';

const route = (changes: object = {}) => ({
  account: 'acc_demo',
  agent: 'agent-1',
  target: { type: 'phone', number: '2000' },
  ...changes,
});

test('a route names account, agent, target and, if wanted, recording', () => {
  const recording = { action: 'startCallRecording', siprecServerURL: 'sip:rec@192.0.2.9' };
  const { routes, faults } = parseRoutes(
    JSON.stringify({ '+15083084809': route({ recording }), '2000': route() }),
  );
  expect(faults).toEqual([]);
  expect(routes['+15083084809']).toEqual({
    accountId: 'acc_demo',
    agentId: 'agent-1',
    target: { type: 'phone', number: '2000' },
    recording,
  });
  expect(routes['2000']).not.toHaveProperty('recording');
});

test.each([
  [{ type: 'phone', number: '2000', trunk: 'agents' }],
  [{ type: 'sip', sipUri: 'sip:agent@pbx.example', auth: { username: 'u', password: 'p' } }],
  [{ type: 'user', name: 'agent@domain.example' }],
  [{ type: 'teams', number: '+15083084809' }],
])('target %o', (target) => {
  expect(parseRoutes(JSON.stringify({ '1': route({ target }) })).faults).toEqual([]);
});

test.each([
  ['nothing that is JSON', 'is not JSON'],
  ['[]', 'is not a JSON object'],
  ['null', 'is not a JSON object'],
  ['{}', 'has no entry'],
])('%s', (json, fault) => {
  expect(parseRoutes(json).faults).toEqual([fault]);
});

test.each([
  ['a number with spaces', '+1 508', route(), 'is not a called number'],
  ['no object', '1', 'agent-1', 'is not an object'],
  ['a missing account', '1', route({ account: undefined }), '`account` is not'],
  ['an account that no row could have', '1', route({ account: 'a/b' }), '`account` is not'],
  ['an empty agent', '1', route({ agent: '' }), '`agent` is not'],
  ['no target', '1', route({ target: undefined }), '`target` is not an object'],
  ['a target of no type', '1', route({ target: { number: '1' } }), '`target.type` is not one of'],
  [
    'a target type that is a property of objects',
    '1',
    route({ target: { type: 'toString' } }),
    '`target.type`',
  ],
  ['a phone without number', '1', route({ target: { type: 'phone' } }), '`target.number` is missing'],
  [
    'a number that is no text',
    '1',
    route({ target: { type: 'phone', number: 2000 } }),
    '`target.number` is not a text',
  ],
  ['a recording that is no object', '1', route({ recording: true }), '`recording` is not an object'],
  ['a misspelt key', '1', route({ recordings: {} }), '`recordings` is not known'],
])('%s', (_name, number, entry, fault) => {
  const { faults } = parseRoutes(JSON.stringify({ [number]: entry }));
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(`entry ${JSON.stringify(number)}: `);
  expect(faults[0]).toContain(fault);
});

test('each bad entry is told once, with all that is wrong with it; good ones are kept', () => {
  const table = { '1': route(), '2': { agent: 'x y' }, '3': route({ account: '' }) };
  const { routes, faults } = parseRoutes(JSON.stringify(table));
  expect(Object.keys(routes)).toEqual(['1']);
  expect(faults).toHaveLength(2);
  expect(faults[0]).toMatch(/`account`.*`agent`.*`target`/);
});

test('a number called __proto__ is an entry like any other', () => {
  const { faults } = parseRoutes('{"__proto__": {"account": "a"}}');
  expect(faults).toHaveLength(1);
});
