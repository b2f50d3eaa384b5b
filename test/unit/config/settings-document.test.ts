import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { settingsTable } from '../../../src/config/settings-document.ts';

const DOCUMENT = new URL('../../../docs/settings.md', import.meta.url);

it('docs/settings.md lists every setting as the code has it (UPDATE_DOCUMENTS=1 writes the list anew)', () => {
  const expected = `# Settings\n\n${settingsTable()}`;
  if (process.env['UPDATE_DOCUMENTS'] === '1') writeFileSync(DOCUMENT, expected);
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(expected);
});
