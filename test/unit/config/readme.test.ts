import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { settingsTable } from '../../../src/config/settings.ts';

const README = new URL('../../../README.md', import.meta.url);
const PLACE = /(<!-- settings -->\n)[\s\S]*(<!-- \/settings -->)/;

it('the README lists every setting as the code has it (UPDATE_README=1 writes the list anew)', () => {
  const readme = readFileSync(README, 'utf8');
  const expected = readme.replace(
    PLACE,
    (_all, start: string, end: string) => `${start}\n${settingsTable()}\n${end}`,
  );
  expect(PLACE.test(readme)).toBe(true);
  if (process.env['UPDATE_README'] === '1') writeFileSync(README, expected);
  expect(readFileSync(README, 'utf8')).toBe(expected);
});
