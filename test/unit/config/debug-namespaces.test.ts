import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { enablesJambonzDebug } from '../../../src/config/debug-namespaces.ts';

test.each([
  '*',
  'jambonz*',
  'jambonz:*',
  'jambonz:node-client-ws',
  'jambonz:something-new',
  '*ws',
  'express,jambonz:*',
  'express  jambonz:*',
  '*,-express',
  'jambonz:*,-jambonz:other',
  '-express,*:node-client-*',
])('%s lets digits out', (debug) => {
  expect(enablesJambonzDebug(debug)).toBe(true);
});

test.each([
  '',
  ' , ',
  'express',
  'xjambonz:node-client-ws',
  '-*',
  '*,-jambonz*',
  '-jambonz*,*',
  'jambonz:*,-jambonz*',
  '*,-*',
  'express:*,avvio',
])('%s does not', (debug) => {
  expect(enablesJambonzDebug(debug)).toBe(false);
});

interface Debug {
  enable(namespaces: string): void;
  disable(): string;
  enabled(namespace: string): boolean;
}

test('whatever switches the package itself on is refused', () => {
  const debug = createRequire(import.meta.url)('debug') as Debug;
  const template = fc.constantFrom(
    '*',
    'jambonz',
    'jambonz:',
    'jambonz:*',
    'node',
    '-client-ws',
    ':',
    'x',
    '.',
    '-',
  );
  const name = fc.array(template, { maxLength: 4 }).map((parts) => parts.join(''));
  const value = fc.array(name, { maxLength: 4 }).map((names) => names.join(','));
  let enabledCount = 0;
  try {
    fc.assert(
      fc.property(value, (namespaces) => {
        debug.enable(namespaces);
        const isEnabled = debug.enabled('jambonz:node-client-ws');
        enabledCount += Number(isEnabled);
        expect(!isEnabled || enablesJambonzDebug(namespaces)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  } finally {
    debug.disable();
  }
  expect(enabledCount).toBeGreaterThan(0);
});
